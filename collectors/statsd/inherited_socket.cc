#include "collectors/statsd/inherited_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace gunicorn_exporter {
namespace {

constexpr int kFirstFd = 3;   // SD_LISTEN_FDS_START.
constexpr int kMaxFds = 256;  // More is no list of ours.

std::optional<int> ParsePositive(const char* text) {
  if (text == nullptr) return std::nullopt;
  const char* const end = text + std::strlen(text);
  int number = 0;
  const auto [stop, error] = std::from_chars(text, end, number);
  if (error != std::errc() || stop != end || number <= 0) return std::nullopt;
  return number;
}

bool IsUnixgramAt(int fd, const std::string& path) {
  int type = 0;
  socklen_t type_size = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 ||
      type != SOCK_DGRAM) {
    return false;
  }
  sockaddr_un address{};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.sun_family != AF_UNIX) {
    return false;
  }
  constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);
  if (size <= kPathOffset) return false;
  // unix(7): the size may count a NUL after the path, or not.
  return std::string(address.sun_path,
                     strnlen(address.sun_path, size - kPathOffset)) == path;
}

}  // namespace

std::vector<int> InheritedFds(pid_t pid, const char* listen_pid,
                              const char* listen_fds) {
  const std::optional<int> count = ParsePositive(listen_fds);
  if (ParsePositive(listen_pid) != pid || !count || *count > kMaxFds) return {};
  std::vector<int> fds;
  for (int fd = kFirstFd; fd < kFirstFd + *count; ++fd) fds.push_back(fd);
  return fds;
}

std::optional<int> FindUnixgram(const std::vector<int>& fds,
                                const std::string& path) {
  for (const int fd : fds) {
    if (IsUnixgramAt(fd, path)) return fd;
  }
  return std::nullopt;
}

std::optional<int> InheritedUnixgram(const std::string& path) {
  const std::optional<int> fd =
      FindUnixgram(InheritedFds(getpid(), std::getenv("LISTEN_PID"),
                                std::getenv("LISTEN_FDS")),
                   path);
  if (fd) {
    fcntl(*fd, F_SETFD, FD_CLOEXEC);
    fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
  }
  return fd;
}

}  // namespace gunicorn_exporter
