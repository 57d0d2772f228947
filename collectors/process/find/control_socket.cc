#include "collectors/process/find/control_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLengthBytes = 4;

// By the modules in gunicorn.workers.
constexpr std::array<std::pair<std::string_view, const char*>, 6> kModules = {{
    {"sync", "sync"},
    {"gthread", "gthread"},
    {"ggevent", "gevent"},
    {"geventlet", "eventlet"},
    {"gasgi", "asgi"},
    {"gtornado", "tornado"},
}};

std::optional<unsigned> FindNumber(const Json& data, const char* name) {
  const auto found = data.find(name);
  if (found == data.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto number = found->get<std::uint64_t>();
  if (number > std::numeric_limits<unsigned>::max()) return std::nullopt;
  return static_cast<unsigned>(number);
}

// A connection to the socket, where `master` listens on it.
FileDescriptor ConnectTo(pid_t master, const FileDescriptor& socket_file) {
  // A name that is short enough, whatever the socket's own.
  const std::string path = "/proc/self/fd/" + std::to_string(socket_file.get());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(&address.sun_path, path.c_str(), path.size() + 1);
  // Where its queue is full this does not wait, either.
  FileDescriptor connection(
      socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ucred listener{};
  socklen_t size = sizeof listener;
  if (!connection ||
      connect(connection.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof address) != 0 ||
      getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) !=
          0 ||
      listener.pid != master) {
    return {};
  }
  return connection;
}

bool WaitForInput(int fd, Clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd wanted{fd, POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// The message that comes; empty where it does not, or is too long.
std::string ReadMessage(int fd, Clock::time_point deadline) {
  std::string message;
  std::array<char, 4096> piece{};
  while (WaitForInput(fd, deadline)) {
    const ssize_t size = recv(fd, piece.data(), piece.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size <= 0) return {};
    message.append(piece.data(), static_cast<std::size_t>(size));
    const auto wanted = ControlMessageSize(message);
    if (!wanted) continue;
    if (*wanted > kLongestControlMessage) return {};
    if (message.size() >= *wanted) return message.substr(0, *wanted);
  }
  return {};
}

}  // namespace

std::string ShowConfigMessage() {
  const std::string json = R"({"id": 1, "command": "show config"})";
  std::string message(kLengthBytes, '\0');
  message[kLengthBytes - 1] = static_cast<char>(json.size());
  return message + json;
}

std::optional<std::size_t> ControlMessageSize(std::string_view beginning) {
  if (beginning.size() < kLengthBytes) return std::nullopt;
  std::size_t length = 0;
  for (const char byte : beginning.substr(0, kLengthBytes)) {
    length = length << 8U | static_cast<unsigned char>(byte);
  }
  return kLengthBytes + length;
}

std::string ToWorkerClass(std::string_view printed) {
  constexpr std::string_view kBegin = "<class '";
  constexpr std::string_view kEnd = "'>";
  constexpr std::string_view kOwn = "gunicorn.workers.";
  if (printed.size() >= kBegin.size() + kEnd.size() &&
      printed.starts_with(kBegin) && printed.ends_with(kEnd)) {
    printed.remove_prefix(kBegin.size());
    printed.remove_suffix(kEnd.size());
  }
  if (!printed.starts_with(kOwn)) return std::string(printed);
  std::string_view module = printed.substr(kOwn.size());
  module = module.substr(0, module.find('.'));
  const auto* const known =
      std::find_if(kModules.begin(), kModules.end(),
                   [&](const auto& one) { return one.first == module; });
  return known == kModules.end() ? std::string(printed) : known->second;
}

std::optional<GunicornSettings> ParseShowConfig(std::string_view message) {
  if (ControlMessageSize(message) != message.size()) return std::nullopt;
  const Json answer =
      Json::parse(message.substr(kLengthBytes), nullptr, /*exceptions=*/false);
  if (!answer.is_object() || answer.value("id", Json()) != 1 ||
      answer.value("status", Json()) != "ok") {
    return std::nullopt;
  }
  const auto data = answer.find("data");
  if (data == answer.end() || !data->is_object()) return std::nullopt;
  GunicornSettings settings;
  const auto printed = data->find("worker_class");
  if (printed != data->end() && printed->is_string()) {
    settings.worker_class =
        ToWorkerClass(printed->get_ref<const std::string&>());
  }
  settings.slots = SlotsOf(settings.worker_class, FindNumber(*data, "threads"),
                           FindNumber(*data, "worker_connections"));
  settings.timeout_seconds = FindNumber(*data, "timeout");
  return settings;
}

std::optional<GunicornSettings> AskForConfig(
    pid_t master, const std::vector<FileDescriptor>& sockets,
    std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  for (const FileDescriptor& socket_file : sockets) {
    const FileDescriptor connection = ConnectTo(master, socket_file);
    if (!connection) continue;
    const std::string question = ShowConfigMessage();
    if (send(connection.get(), question.data(), question.size(),
             MSG_NOSIGNAL) != static_cast<ssize_t>(question.size())) {
      return std::nullopt;
    }
    return ParseShowConfig(ReadMessage(connection.get(), deadline));
  }
  return std::nullopt;
}

}  // namespace gunicorn_exporter
