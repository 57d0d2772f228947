#include "collectors/statsd/receive/socket_activation.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string_view>

#include "config/base/config_error.h"
#include "config/base/log.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

constexpr int kMostSockets = 64;

std::string TakeVariable(const char* name) {
  const char* const value = getenv(name);
  std::string text = value == nullptr ? "" : value;
  unsetenv(name);
  return text;
}

int Option(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (getsockopt(fd, SOL_SOCKET, option, &value, &size) != 0) return -1;
  return value;
}

// Where a socket of this kind belongs; null: nowhere.
std::vector<FileDescriptor>* PlaceFor(int fd, bool for_web,
                                      InheritedSockets& sockets) {
  const int domain = Option(fd, SO_DOMAIN);
  const int type = Option(fd, SO_TYPE);
  const bool is_internet = domain == AF_INET || domain == AF_INET6;
  if (is_internet && type == SOCK_DGRAM) return &sockets.udp;
  if (type == SOCK_STREAM && Option(fd, SO_ACCEPTCONN) == 1) {
    if (for_web && (is_internet || domain == AF_UNIX)) return &sockets.web;
    if (is_internet) return &sockets.tcp;
  }
  if (domain == AF_UNIX && type == SOCK_DGRAM) return &sockets.unixgram;
  return nullptr;
}

void MakeOurs(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

ActivationVariables TakeActivationVariables() {
  return {TakeVariable("LISTEN_PID"), TakeVariable("LISTEN_FDS"),
          TakeVariable("LISTEN_FDNAMES")};
}

InheritedSockets TakeInheritedSockets(const ActivationVariables& variables,
                                      int first_fd, bool for_web) {
  InheritedSockets sockets;
  if (ParseNumber<int>(variables.pid) != getpid()) return sockets;
  const std::optional<int> count = ParseNumber<int>(variables.count);
  if (!count || *count < 0 || *count > kMostSockets) {
    throw ConfigError("LISTEN_FDS: \"" + variables.count +
                      "\" is not a number of sockets; expected 0 to " +
                      std::to_string(kMostSockets));
  }
  std::string_view names = variables.names;
  for (int fd = first_fd; fd < first_fd + *count; ++fd) {
    const std::size_t end = names.find(':');
    const std::string_view name = names.substr(0, end);
    names.remove_prefix(end == std::string_view::npos ? names.size() : end + 1);
    std::vector<FileDescriptor>* const place = PlaceFor(fd, for_web, sockets);
    if (place == nullptr) {
      LogEvent(LogLevel::kWarn, "inherited_socket_ignored",
               {{"fd", std::to_string(fd)},
                {"name", std::string(name)},
                {"reason",
                 "it is no UDP, unix datagram or listening TCP "
                 "socket"}});
      continue;
    }
    MakeOurs(fd);
    place->emplace_back(fd);
  }
  return sockets;
}

}  // namespace gunicorn_exporter
