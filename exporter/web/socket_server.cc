#include "exporter/web/socket_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "exporter/web/request_frame.h"
#include "exporter/web/worker_pool.h"

namespace gunicorn_exporter {
namespace {

using Clock = std::chrono::steady_clock;

// epoll's tag of the eventfd; listeners follow it, then connections.
constexpr std::uint64_t kWakeId = 0;

constexpr std::size_t kReadBytes = 16 * 1024;

// An answer this small travels in one piece with its head.
constexpr std::size_t kSmallBodyBytes = 16 * 1024;

// After the last answer: until the client has read it and closed, since closing
// with unread input would take the answer from it (RFC 9112, 9.6).
constexpr auto kLingerTime = std::chrono::seconds(2);

// How long no connection is accepted where the process has no descriptor left.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

struct Connection {
  enum class State { kReading, kHandling, kWriting, kLingering };

  std::uint64_t id = 0;
  UniqueFd fd;
  std::unique_ptr<Transport> transport;  // Goes before the descriptor.
  State state = State::kReading;
  std::uint32_t interest = 0;  // What epoll waits for.
  Clock::time_point since;     // When the state began.
  Clock::time_point deadline;  // Of the state; none while kHandling.
  std::string input;           // Read and not yet handled.
  bool request_began = true;
  bool lost = false;  // While kHandling: the peer is gone.
  SocketAnswer answer;
  std::size_t written = 0;  // Of the answer's head and body together.

  std::size_t AnswerBytes() const {
    return answer.head.size() + answer.body.size();
  }
};

std::string_view StatusText(int status) {
  switch (status) {
    case 400:
      return "400 Bad Request";
    case 411:
      return "411 Length Required";
    case 413:
      return "413 Content Too Large";
    case 431:
      return "431 Request Header Fields Too Large";
    default:
      return "503 Service Unavailable";
  }
}

SocketAnswer Refusal(int status) {
  SocketAnswer answer;
  answer.body = std::string(StatusText(status)) + "\n";
  answer.head = "HTTP/1.1 " + std::string(StatusText(status)) +
                "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Connection: close\r\nContent-Length: " +
                std::to_string(answer.body.size()) + "\r\n\r\n";
  answer.close = true;
  return answer;
}

void ThrowErrno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

// All but Answers and Stop() belongs to the loop's thread.
class SocketServer::Loop {
 public:
  Loop(std::vector<Listener> listeners, TransportFactory make_transport,
       Handler handler, const SocketLimits& limits);
  ~Loop();

 private:
  using State = Connection::State;

  void Run();
  bool Finished() const;
  int TimeoutMs() const;
  void Wake() const;

  void Accept(int listener);
  void AddConnection(int socket);
  void PauseAccepting(bool pause);
  bool EvictOne();

  void OnEvent(Connection& connection, std::uint32_t events);
  void Read(Connection& connection);
  bool TakeRequest(Connection& connection);
  void Handle(Connection& connection, std::string head);
  void TakeAnswers();
  void BeginWriting(Connection& connection, SocketAnswer answer);
  void Write(Connection& connection);
  void FinishAnswer(Connection& connection);
  void Linger(Connection& connection);
  void BoundUnread(const Connection& newest);

  void Enter(Connection& connection, State state, Clock::duration time);
  void WaitFor(Connection& connection, std::uint32_t events);
  void WaitFor(Connection& connection, Transport::Status status);
  void Close(Connection& connection);
  void CloseLate();
  void BeginStop();

  const TransportFactory make_transport_;
  const Handler handler_;
  const SocketLimits limits_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::vector<Listener> listeners_;
  bool accepting_ = true;
  Clock::time_point accept_again_;

  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t next_id_ = 0;
  std::size_t unread_bytes_ = 0;  // Of the answers being written.
  Clock::time_point now_;         // Taken once for each round.

  std::atomic<bool> stop_{false};
  bool stopping_ = false;
  Clock::time_point stop_deadline_;

  std::mutex answers_mutex_;
  std::vector<std::pair<std::uint64_t, SocketAnswer>> answers_;

  std::thread thread_;
  // Last: its threads use what stands above.
  std::unique_ptr<WorkerPool> workers_;
};

SocketServer::Loop::Loop(std::vector<Listener> listeners,
                         TransportFactory make_transport, Handler handler,
                         const SocketLimits& limits)
    : make_transport_(std::move(make_transport)),
      handler_(std::move(handler)),
      limits_(limits),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      listeners_(std::move(listeners)),
      now_(Clock::now()),
      workers_(std::make_unique<WorkerPool>(limits.max_threads)) {
  if (epoll_.get() < 0) ThrowErrno("epoll_create1");
  if (wake_.get() < 0) ThrowErrno("eventfd");
  const auto add = [this](int fd) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = next_id_++;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      ThrowErrno("epoll_ctl");
    }
  };
  add(wake_.get());  // kWakeId.
  for (const Listener& listener : listeners_) add(listener.fd.get());
  thread_ = std::thread([this] { Run(); });
}

SocketServer::Loop::~Loop() {
  stop_ = true;
  Wake();
  thread_.join();
  workers_.reset();
}

void SocketServer::Loop::Wake() const {
  const std::uint64_t one = 1;
  // Fails only when it is full, and then the loop is about to wake anyway.
  [[maybe_unused]] const ssize_t written =
      write(wake_.get(), &one, sizeof(one));
}

void SocketServer::Loop::Run() {
  std::array<epoll_event, 64> events;
  while (!Finished()) {
    const int count = epoll_wait(epoll_.get(), events.data(),
                                 static_cast<int>(events.size()), TimeoutMs());
    now_ = Clock::now();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const std::uint64_t id = event.data.u64;
      if (id == kWakeId) {
        std::uint64_t ignored = 0;
        [[maybe_unused]] const ssize_t got =
            read(wake_.get(), &ignored, sizeof(ignored));
      } else if (id <= listeners_.size()) {
        Accept(listeners_[id - 1].fd.get());
      } else if (const auto found = connections_.find(id);
                 found != connections_.end()) {
        OnEvent(*found->second, event.events);
      }
    }
    TakeAnswers();
    CloseLate();
    if (stop_ && !stopping_) BeginStop();
  }
}

bool SocketServer::Loop::Finished() const {
  return stopping_ && (connections_.empty() || now_ >= stop_deadline_);
}

int SocketServer::Loop::TimeoutMs() const {
  Clock::time_point next = Clock::time_point::max();
  for (const auto& [id, connection] : connections_) {
    if (connection->state != State::kHandling) {
      next = std::min(next, connection->deadline);
    }
  }
  if (!accepting_) next = std::min(next, accept_again_);
  if (stopping_) next = std::min(next, stop_deadline_);
  if (next == Clock::time_point::max()) return -1;
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 60'000));
}

void SocketServer::Loop::Accept(int listener) {
  // A bound, so that a flood of connections does not starve those at work.
  for (int i = 0; i < 64; ++i) {
    const int socket =
        accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      AddConnection(socket);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
        errno == ENOMEM) {
      EvictOne();
      PauseAccepting(true);
    }
    // ECONNABORTED and the like: that connection is gone, the next may not be.
    return;
  }
}

void SocketServer::Loop::PauseAccepting(bool pause) {
  accepting_ = !pause;
  accept_again_ = now_ + kAcceptPause;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event = {};
    if (!pause) event.events = EPOLLIN;
    event.data.u64 = i + 1;
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listeners_[i].fd.get(), &event);
  }
}

void SocketServer::Loop::AddConnection(int socket) {
  auto connection = std::make_unique<Connection>();
  connection->fd = UniqueFd(socket);
  if (connections_.size() >= limits_.max_connections && !EvictOne()) return;
  connection->transport = make_transport_(socket);
  if (connection->transport == nullptr) return;
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  connection->id = next_id_++;
  epoll_event event = {};
  event.data.u64 = connection->id;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) != 0) return;
  Connection& added = *connection;
  connections_.emplace(added.id, std::move(connection));
  Enter(added, State::kReading, limits_.request_timeout);
  WaitFor(added, EPOLLIN);
}

// Of those that are not at work, the one that has waited longest goes.
bool SocketServer::Loop::EvictOne() {
  Connection* oldest = nullptr;
  for (const auto& [id, connection] : connections_) {
    if (connection->state != State::kReading &&
        connection->state != State::kLingering) {
      continue;
    }
    if (oldest == nullptr || connection->since < oldest->since) {
      oldest = connection.get();
    }
  }
  if (oldest == nullptr) return false;
  Close(*oldest);
  return true;
}

void SocketServer::Loop::OnEvent(Connection& connection, std::uint32_t events) {
  switch (connection.state) {
    case State::kReading:
    case State::kLingering:
      Read(connection);
      return;
    case State::kWriting:
      Write(connection);
      return;
    case State::kHandling:
      // Nothing is waited for, so this is the peer's reset. The worker's answer
      // comes first.
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        connection.lost = true;
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
      }
      return;
  }
}

void SocketServer::Loop::Read(Connection& connection) {
  std::array<char, kReadBytes> buffer;
  for (;;) {
    if (connection.state == State::kReading && TakeRequest(connection)) return;
    const Transport::Result result =
        connection.transport->Read(buffer.data(), buffer.size());
    if (result.status == Transport::Status::kClosed) {
      Close(connection);
      return;
    }
    if (result.status != Transport::Status::kOk) {
      WaitFor(connection, result.status);
      return;
    }
    if (connection.state == State::kLingering) {
      // One piece a round: who sends without end must not keep the loop.
      WaitFor(connection, EPOLLIN);
      return;
    }
    connection.input.append(buffer.data(), result.bytes);
    if (!connection.request_began) {
      connection.request_began = true;
      Enter(connection, State::kReading, limits_.request_timeout);
    }
  }
}

// True when the connection has left kReading.
bool SocketServer::Loop::TakeRequest(Connection& connection) {
  if (connection.input.empty()) return false;
  const RequestFrame frame = FrameRequest(connection.input);
  switch (frame.state) {
    case RequestFrame::State::kIncomplete:
      return false;
    case RequestFrame::State::kRefused:
      connection.input.clear();
      BeginWriting(connection, Refusal(frame.status));
      return true;
    case RequestFrame::State::kComplete:
      break;
  }
  std::string head = connection.input.substr(frame.skip, frame.head);
  connection.input.erase(0, frame.skip + frame.head + frame.body);
  Handle(connection, std::move(head));
  return true;
}

void SocketServer::Loop::Handle(Connection& connection, std::string head) {
  Enter(connection, State::kHandling, Clock::duration::zero());
  WaitFor(connection, 0U);
  try {
    workers_->Submit([this, id = connection.id, request = std::move(head)] {
      SocketAnswer answer = handler_(request);
      {
        const std::lock_guard lock(answers_mutex_);
        answers_.emplace_back(id, std::move(answer));
      }
      Wake();
    });
  } catch (const std::system_error&) {
    BeginWriting(connection, Refusal(503));  // No thread to be had.
  }
}

void SocketServer::Loop::TakeAnswers() {
  std::vector<std::pair<std::uint64_t, SocketAnswer>> answers;
  {
    const std::lock_guard lock(answers_mutex_);
    answers.swap(answers_);
  }
  for (auto& [id, answer] : answers) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    if (found->second->lost) {
      Close(*found->second);
    } else {
      BeginWriting(*found->second, std::move(answer));
    }
  }
}

void SocketServer::Loop::BeginWriting(Connection& connection,
                                      SocketAnswer answer) {
  if (answer.body.size() <= kSmallBodyBytes) {
    answer.head += answer.body;
    answer.body.clear();
  }
  connection.answer = std::move(answer);
  connection.written = 0;
  unread_bytes_ += connection.AnswerBytes();
  Enter(connection, State::kWriting, limits_.write_timeout);
  BoundUnread(connection);
  Write(connection);
}

// Answers that nobody reads do not pile up.
void SocketServer::Loop::BoundUnread(const Connection& newest) {
  while (unread_bytes_ > limits_.max_unread_bytes) {
    Connection* oldest = nullptr;
    for (const auto& [id, connection] : connections_) {
      if (connection->state == State::kWriting && connection.get() != &newest &&
          (oldest == nullptr || connection->since < oldest->since)) {
        oldest = connection.get();
      }
    }
    if (oldest == nullptr) return;
    Close(*oldest);
  }
}

void SocketServer::Loop::Write(Connection& connection) {
  const SocketAnswer& answer = connection.answer;
  while (connection.written < connection.AnswerBytes()) {
    const std::size_t head_bytes = answer.head.size();
    const std::string_view rest =
        connection.written < head_bytes
            ? std::string_view(answer.head).substr(connection.written)
            : std::string_view(answer.body)
                  .substr(connection.written - head_bytes);
    const Transport::Result result = connection.transport->Write(rest);
    if (result.status == Transport::Status::kClosed) {
      Close(connection);
      return;
    }
    if (result.status != Transport::Status::kOk) {
      WaitFor(connection, result.status);
      return;
    }
    connection.written += result.bytes;
  }
  FinishAnswer(connection);
}

void SocketServer::Loop::FinishAnswer(Connection& connection) {
  unread_bytes_ -= connection.AnswerBytes();
  const bool close = connection.answer.close || stopping_;
  connection.answer = {};
  if (close) {
    Linger(connection);
    return;
  }
  connection.request_began = !connection.input.empty();
  Enter(connection, State::kReading,
        connection.request_began ? limits_.request_timeout
                                 : limits_.idle_timeout);
  Read(connection);
}

void SocketServer::Loop::Linger(Connection& connection) {
  connection.transport->EndWriting();
  connection.input = {};
  Enter(connection, State::kLingering, kLingerTime);
  Read(connection);
}

void SocketServer::Loop::Enter(Connection& connection, State state,
                               Clock::duration time) {
  connection.state = state;
  connection.since = now_;
  connection.deadline = now_ + time;
}

void SocketServer::Loop::WaitFor(Connection& connection,
                                 Transport::Status status) {
  WaitFor(connection, status == Transport::Status::kWantWrite
                          ? static_cast<std::uint32_t>(EPOLLOUT)
                          : static_cast<std::uint32_t>(EPOLLIN));
}

void SocketServer::Loop::WaitFor(Connection& connection, std::uint32_t events) {
  if (connection.interest == events) return;
  connection.interest = events;
  epoll_event event = {};
  event.events = events;
  event.data.u64 = connection.id;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void SocketServer::Loop::Close(Connection& connection) {
  if (connection.state == State::kWriting) {
    unread_bytes_ -= connection.AnswerBytes();
  }
  connections_.erase(connection.id);
}

void SocketServer::Loop::CloseLate() {
  std::vector<Connection*> late;
  for (const auto& [id, connection] : connections_) {
    if (connection->state != State::kHandling && connection->deadline <= now_) {
      late.push_back(connection.get());
    }
  }
  for (Connection* connection : late) Close(*connection);
  if (!accepting_ && accept_again_ <= now_) PauseAccepting(false);
}

void SocketServer::Loop::BeginStop() {
  stopping_ = true;
  stop_deadline_ = now_ + limits_.stop_timeout;
  std::vector<Connection*> waiting;
  for (const auto& [id, connection] : connections_) {
    if (connection->state == State::kReading ||
        connection->state == State::kLingering) {
      waiting.push_back(connection.get());
    }
  }
  for (Connection* connection : waiting) Close(*connection);
  for (Listener& listener : listeners_) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
    listener.fd = UniqueFd();
  }
}

SocketServer::SocketServer(std::vector<Listener> listeners,
                           TransportFactory make_transport, Handler handler,
                           const SocketLimits& limits)
    : loop_(std::make_unique<Loop>(std::move(listeners),
                                   std::move(make_transport),
                                   std::move(handler), limits)) {}

SocketServer::~SocketServer() = default;

}  // namespace gunicorn_exporter
