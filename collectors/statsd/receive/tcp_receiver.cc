#include "collectors/statsd/receive/tcp_receiver.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "config/base/error_text.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kBytesAtATime = 64U << 10U;
// What keeps connections out is said once, and again where it lasts.
constexpr std::chrono::minutes kBetweenWarnings{10};
// Who connects again and again must not keep the thread from the packets.
constexpr int kTriesAtATime = 64;

}  // namespace

TcpReceiver::TcpReceiver(LineHandler& handler, ReceiverMetrics& metrics,
                         std::size_t most_connections)
    : handler_(handler),
      metrics_(metrics),
      most_connections_(most_connections),
      buffer_(kBytesAtATime) {}

void TcpReceiver::AddListener(FileDescriptor socket) {
  metrics_.SwitchOn(Transport::kTcp);
  listeners_.push_back(std::move(socket));
}

std::vector<std::string> TcpReceiver::addresses() const {
  std::vector<std::string> found;
  for (const FileDescriptor& listener : listeners_) {
    found.push_back(LocalAddress(listener));
  }
  return found;
}

int TcpReceiver::Accept(std::size_t listener, Time now) {
  is_short_ = false;
  for (int tries = 0; tries < kTriesAtATime; ++tries) {
    FileDescriptor socket(accept4(listeners_[listener].get(), nullptr, nullptr,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      const int error = errno;
      if (error == EINTR || error == ECONNABORTED) continue;
      is_short_ = error == EMFILE || error == ENFILE || error == ENOBUFS ||
                  error == ENOMEM;
      if (is_short_) Warn(now, "tcp_cannot_accept", ErrorText(error));
      return -1;
    }
    if (connections_.size() >= most_connections_) {
      metrics_.AddRefusedConnection();
      Warn(now, "tcp_connections_refused", "too many connections");
      continue;
    }
    const int fd = socket.get();
    connections_.emplace(fd, Connection{std::move(socket), {}, now});
    return fd;
  }
  return -1;
}

void TcpReceiver::Warn(Time now, const char* event, const std::string& error) {
  if (now < warn_again_) return;
  warn_again_ = now + kBetweenWarnings;
  LogEvent(
      LogLevel::kWarn, event,
      {{"connections", std::to_string(connections_.size())}, {"error", error}});
}

void TcpReceiver::HandleLine(std::string_view line,
                             const Connection& connection) {
  ReceivedLine received{
      Transport::kTcp, line, {0, nullptr, &connection.socket}};
  handler_.HandleLine(received);
}

TcpReceiver::Outcome TcpReceiver::ReadSome(Connection& connection, Time now) {
  const ssize_t count = recv(connection.socket.get(), buffer_.data(),
                             buffer_.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return Outcome::kNothingYet;
  }
  const auto handle = [&](std::string_view line) {
    HandleLine(line, connection);
  };
  if (count <= 0) {
    connection.framer.Finish(handle);
    return Outcome::kEnded;
  }
  connection.last_read = now;
  handler_.BeginPacket(Transport::kTcp);
  if (connection.framer.Feed({buffer_.data(), static_cast<std::size_t>(count)},
                             handle)) {
    return Outcome::kGotSome;
  }
  handler_.CountTooLong(
      {Transport::kTcp, "", {0, nullptr, &connection.socket}});
  return Outcome::kEnded;
}

void TcpReceiver::Read(int fd, Time now) {
  const auto found = connections_.find(fd);
  if (found != connections_.end() &&
      ReadSome(found->second, now) == Outcome::kEnded) {
    connections_.erase(found);
  }
}

void TcpReceiver::CloseIdle(Time now) {
  for (auto entry = connections_.begin(); entry != connections_.end();) {
    Connection& connection = entry->second;
    if (now - connection.last_read < kIdleTime) {
      ++entry;
      continue;
    }
    connection.framer.Finish(
        [&](std::string_view line) { HandleLine(line, connection); });
    entry = connections_.erase(entry);
  }
}

void TcpReceiver::CloseAll(Time now) {
  for (auto& entry : connections_) {
    Connection& connection = entry.second;
    // As much as a socket's buffer holds; no more, since who sends on and on
    // must not keep the program from its end.
    constexpr int kMostReads = 64;
    auto outcome = Outcome::kGotSome;
    for (int i = 0; i < kMostReads && outcome == Outcome::kGotSome; ++i) {
      outcome = ReadSome(connection, now);
    }
    // What was too long is counted as that.
    if (outcome == Outcome::kEnded) continue;
    connection.framer.Finish(
        [&](std::string_view line) { HandleLine(line, connection); });
  }
  connections_.clear();
}

}  // namespace gunicorn_exporter
