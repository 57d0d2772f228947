#include "exporter/web/socket_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "config/base/address.h"
#include "config/base/error_text.h"
#include "config/base/listen.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

// A connection's thread. A scrape in any format, a TLS handshake with a
// client's certificate and a password's hash touch less than a tenth of it; a
// sanitiser takes several times that. It is memory only where it is touched.
#if defined(GUNICORN_EXPORTER_SANITIZED)
constexpr std::size_t kStackBytes = 4 * 1024 * 1024;
#else
constexpr std::size_t kStackBytes = 512 * 1024;
#endif

constexpr std::size_t kReadBytes = 4096;

// A body up to this size is sent with its head, in one packet.
constexpr std::size_t kSmallBodyBytes = 16 * 1024;

// After the last answer: until the client has read it and closed, since closing
// with unread input would take the answer from it (RFC 9112, 9.6).
constexpr auto kLingerTime = std::chrono::seconds(2);
// The same while the server stops: then it is a courtesy.
constexpr auto kLingerTimeAtStop = std::chrono::milliseconds(200);

// How long no connection is accepted where the process has no descriptor left.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

// A shortage is said once, and again where it lasts.
constexpr auto kBetweenShortages = std::chrono::minutes(10);

std::string StatusText(int status) {
  switch (status) {
    case 400:
      return "400 Bad Request";
    case 411:
      return "411 Length Required";
    case 413:
      return "413 Content Too Large";
    case 414:
      return "414 URI Too Long";
    case 431:
      return "431 Request Header Fields Too Large";
    default:
      return std::to_string(status);
  }
}

// The answer to what is no request. The connection closes after it.
SocketAnswer AnswerRefused(int status) {
  SocketAnswer answer;
  answer.body = StatusText(status) + "\n";
  answer.head = "HTTP/1.1 " + StatusText(status) +
                "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Connection: close\r\nContent-Length: " +
                std::to_string(answer.body.size()) + "\r\n\r\n";
  answer.close = true;
  answer.refused = status;
  return answer;
}

// "127.0.0.1:43210"; "unix" of a client of a unix socket.
std::string PeerText(const sockaddr_storage& peer) {
  std::string text = FormatAddress(Unmapped(peer));
  return text.empty() ? "unix" : text;
}

}  // namespace

std::vector<Listener> Listen(const std::string& address,
                             const std::string& setting) {
  std::vector<Listener> listeners;
  if (address.starts_with("unix:")) {
    auto path = std::make_unique<UnixSocket>(UnixSocketKind::kStream,
                                             UnixSocketPath(address, setting),
                                             std::nullopt, setting);
    FileDescriptor socket = path->TakeSocket();
    listeners.push_back({std::move(socket), address, std::move(path)});
    return listeners;
  }
  for (FileDescriptor& socket :
       BindInternet(InternetSocket::kTcp, address, setting)) {
    listeners.push_back(Inherit(std::move(socket)));
  }
  return listeners;
}

Listener Inherit(FileDescriptor socket) {
  std::string address = LocalAddress(socket);
  return {std::move(socket), std::move(address), nullptr};
}

// The mutex guards `state` and what stands below it.
struct SocketServer::Connection {
  SocketServer& server;
  FileDescriptor fd;
  std::string peer;
  State state = State::kReading;
  Clock::time_point since = Clock::now();  // When the state began.
  std::size_t unread = 0;                  // Bytes of the answer being written.
  bool evicted = false;
};

SocketServer::SocketServer(std::vector<Listener> listeners,
                           SocketHandlers handlers, const SocketLimits& limits)
    : handlers_(std::move(handlers)),
      limits_(limits),
      wake_(eventfd(0, EFD_CLOEXEC)),
      listeners_(std::move(listeners)) {
  if (!wake_) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  accepting_ = std::thread([this] { AcceptAll(); });
}

SocketServer::~SocketServer() {
  stop_ = true;
  eventfd_write(wake_.get(), 1);
  accepting_.join();
  listeners_.clear();

  std::unique_lock lock(mutex_);
  for (Connection& connection : connections_) {
    if (connection.state == State::kReading ||
        connection.state == State::kLingering) {
      Evict(connection);
    }
  }
  const auto all_ended = [this] { return connections_.empty(); };
  ended_.wait_for(lock, limits_.stop_timeout, all_ended);
  for (Connection& connection : connections_) Evict(connection);
  ended_.wait(lock, all_ended);
  const std::optional<pthread_t> last = last_ended_;
  lock.unlock();
  if (last.has_value()) pthread_join(*last, nullptr);
}

void SocketServer::AcceptAll() {
  std::vector<pollfd> waiting = {{wake_.get(), POLLIN, 0}};
  for (const Listener& listener : listeners_) {
    waiting.push_back({listener.fd.get(), POLLIN, 0});
  }
  bool pause = false;
  while (!stop_) {
    // While it pauses, nothing but the end wakes it.
    const nfds_t count = pause ? 1 : waiting.size();
    const int timeout = pause ? static_cast<int>(kAcceptPause.count()) : -1;
    poll(waiting.data(), count, timeout);
    pause = false;
    for (std::size_t i = 1; i < count && !stop_; ++i) {
      if (waiting[i].revents != 0 && !Accept(waiting[i].fd)) pause = true;
    }
  }
}

// False where the process has nothing left to accept with.
bool SocketServer::Accept(int listener) {
  sockaddr_storage peer = {};
  socklen_t size = sizeof(peer);
  FileDescriptor fd(accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) {
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    Add(std::move(fd), PeerText(peer));
    return true;
  }
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
      errno != ENOMEM) {
    return true;  // That connection is gone, the next one may not be.
  }
  const int error = errno;
  if (Clock::now() >= say_shortage_again_) {
    say_shortage_again_ = Clock::now() + kBetweenShortages;
    LogEvent(LogLevel::kWarn, "http_cannot_accept",
             {{"error", ErrorText(error)}});
  }
  const std::lock_guard lock(mutex_);
  EvictOldest();
  return false;
}

void SocketServer::Add(FileDescriptor fd, const std::string& peer) {
  std::unique_lock lock(mutex_);
  const auto has_room = [this] {
    return connections_.size() < limits_.max_connections;
  };
  if (!has_room() && !EvictOldest()) return;
  ended_.wait(lock, has_room);
  Connection& connection =
      connections_.emplace_back(Connection{*this, std::move(fd), peer});
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread = {};
  const int error =
      pthread_create(&thread, &attributes, &RunThread, &connection);
  pthread_attr_destroy(&attributes);
  if (error == 0) return;
  connections_.pop_back();
  lock.unlock();
  Refuse(peer, 503, "no thread to be had: " + ErrorText(error));
}

void* SocketServer::RunThread(void* argument) {
  Connection& connection = *static_cast<Connection*>(argument);
  SocketServer& server = connection.server;
  try {
    server.Serve(connection);
  } catch (const std::exception& error) {  // No memory.
    LogEvent(LogLevel::kError, "http_connection_failed",
             {{"error", error.what()}});
  }
  server.End(connection);
  return nullptr;
}

void SocketServer::End(Connection& connection) {
  std::optional<pthread_t> before = pthread_self();
  {
    const std::lock_guard lock(mutex_);
    unread_bytes_ -= connection.unread;
    connections_.remove_if(
        [&](const Connection& other) { return &other == &connection; });
    last_ended_.swap(before);
    ended_.notify_all();
  }
  // The server may be gone by now.
  if (before.has_value()) pthread_join(*before, nullptr);
}

void SocketServer::Serve(Connection& connection) {
  Clock::time_point deadline = Clock::now() + limits_.request_timeout;
  ClientStream stream(connection.fd.get(),
                      handlers_.tls ? handlers_.tls() : nullptr);
  if (std::optional<std::string> error = stream.Handshake(deadline)) {
    if (stream.HasBegun() && Enter(connection, State::kLingering) && !stop_) {
      Refuse(connection.peer, 0, std::move(*error));
    }
    Linger(connection, stream);
    return;
  }
  std::string input;
  for (;;) {
    const RequestFrame frame = ReadRequest(connection, stream, input, deadline);
    if (frame.state == RequestFrame::State::kIncomplete) return;
    SocketAnswer answer;
    if (frame.state == RequestFrame::State::kRefused) {
      answer = AnswerRefused(frame.status);
    } else {
      if (!Enter(connection, State::kHandling)) return;
      const std::string head = input.substr(frame.skip, frame.head);
      input.erase(0, frame.skip + frame.head + frame.body);
      answer = handlers_.answer(head, connection.peer);
    }
    if (answer.refused != 0) {
      Refuse(connection.peer, answer.refused, StatusText(answer.refused));
    }
    const bool close = answer.close;
    if (!WriteAnswer(connection, stream, std::move(answer))) return;
    if (close || stop_) {
      Linger(connection, stream);
      return;
    }
    if (!Enter(connection, State::kReading)) return;
    deadline = Clock::now() +
               (input.empty() ? limits_.idle_timeout : limits_.request_timeout);
  }
}

// Incomplete: the connection has ended, or has to.
RequestFrame SocketServer::ReadRequest(Connection& connection,
                                       ClientStream& stream, std::string& input,
                                       Clock::time_point deadline) {
  bool told_to_continue = false;
  for (;;) {
    const RequestFrame frame = FrameRequest(input);
    if (frame.state != RequestFrame::State::kIncomplete) return frame;
    if (frame.expects_continue && !told_to_continue) {
      told_to_continue = true;
      stream.Write("HTTP/1.1 100 Continue\r\n\r\n", deadline);
    }
    std::array<char, kReadBytes> bytes;
    const std::size_t count = stream.Read(bytes.data(), bytes.size(), deadline);
    if (count == 0) {
      if (!input.empty() && Clock::now() >= deadline) {
        Refuse(connection.peer, 408, "the request did not end in time");
      }
      return frame;
    }
    if (input.empty()) {
      // Of a new connection, the time counts from the accept.
      deadline = std::min(deadline, Clock::now() + limits_.request_timeout);
      if (!Enter(connection, State::kReading)) return frame;
    }
    input.append(bytes.data(), count);
  }
}

bool SocketServer::WriteAnswer(Connection& connection, ClientStream& stream,
                               SocketAnswer answer) {
  if (answer.body.size() <= kSmallBodyBytes) {
    answer.head += answer.body;
    answer.body.clear();
  }
  if (!Enter(connection, State::kWriting,
             answer.head.size() + answer.body.size())) {
    return false;
  }
  const Clock::time_point deadline = Clock::now() + limits_.write_timeout;
  return stream.Write(answer.head, deadline) &&
         stream.Write(answer.body, deadline);
}

void SocketServer::Linger(Connection& connection, ClientStream& stream) {
  if (!Enter(connection, State::kLingering)) return;
  stream.EndWriting();
  const auto deadline =
      Clock::now() + (stop_ ? kLingerTimeAtStop : Clock::duration(kLingerTime));
  std::array<char, kReadBytes> ignored;
  while (stream.Read(ignored.data(), ignored.size(), deadline) > 0 &&
         Clock::now() < deadline) {
  }
}

void SocketServer::Refuse(const std::string& peer, int status,
                          std::string reason) const {
  if (handlers_.refused) handlers_.refused({status, std::move(reason), peer});
}

// False where the connection was evicted, and has to end.
bool SocketServer::Enter(Connection& connection, State state,
                         std::size_t unread) {
  const std::lock_guard lock(mutex_);
  if (connection.evicted || (stop_ && state == State::kReading)) return false;
  connection.state = state;
  connection.since = Clock::now();
  unread_bytes_ += unread - connection.unread;
  connection.unread = unread;
  // Answers that nobody reads do not pile up.
  while (unread_bytes_ > limits_.max_unread_bytes &&
         EvictOldest(true, &connection)) {
  }
  return true;
}

// Of those that wait, or of those that write alone, the one that has for
// longest goes.
bool SocketServer::EvictOldest(bool writing_alone, const Connection* except) {
  Connection* oldest = nullptr;
  for (Connection& connection : connections_) {
    const bool waits = writing_alone ? connection.state == State::kWriting
                                     : connection.state != State::kHandling;
    if (waits && &connection != except && !connection.evicted &&
        (oldest == nullptr || connection.since < oldest->since)) {
      oldest = &connection;
    }
  }
  if (oldest != nullptr) Evict(*oldest);
  return oldest != nullptr;
}

// Its thread wakes up and ends it.
void SocketServer::Evict(Connection& connection) {
  connection.evicted = true;
  unread_bytes_ -= connection.unread;
  connection.unread = 0;
  shutdown(connection.fd.get(), SHUT_RDWR);
}

}  // namespace gunicorn_exporter
