#include "exporter/web/socket_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "config/base/error_text.h"
#include "config/base/log.h"
#include "exporter/web/request_frame.h"

namespace gunicorn_exporter {
namespace {

using State = Connection::State;

constexpr std::size_t kReadBytes = 16 * 1024;

// An answer this small travels in one piece with its head.
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

// Poller's tags: listeners have 1 and up, connections follow.
constexpr std::uint64_t kFirstListenerId = 1;

}  // namespace

SocketLoop::SocketLoop(std::vector<Listener> listeners,
                       SocketServer::TransportFactory make_transport,
                       SocketServer::Handler handler,
                       const SocketLimits& limits)
    : make_transport_(std::move(make_transport)),
      handler_(std::move(handler)),
      limits_(limits),
      listeners_(std::move(listeners)),
      next_id_(kFirstListenerId),
      now_(Clock::now()),
      workers_(std::make_unique<WorkerPool>(limits.max_threads)) {
  for (const Listener& listener : listeners_) {
    if (!poller_.Add(listener.fd.get(), next_id_++, EPOLLIN)) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }
  thread_ = std::thread([this] { Run(); });
}

SocketLoop::~SocketLoop() {
  stop_ = true;
  poller_.Wake();
  thread_.join();
  workers_.reset();
}

void SocketLoop::Run() {
  while (!Finished()) {
    now_ = Clock::now();
    poller_.Wait(LongestWait(), [this](std::uint64_t id, std::uint32_t events) {
      now_ = Clock::now();
      if (id < kFirstListenerId + listeners_.size()) {
        Accept(listeners_[id - kFirstListenerId].fd.get());
      } else if (Connection* const connection = connections_.Find(id);
                 connection != nullptr) {
        OnEvent(*connection, events);
      }
    });
    now_ = Clock::now();
    TakeAnswers();
    CloseLate();
    if (stop_ && !stopping_) BeginStop();
  }
}

bool SocketLoop::Finished() const {
  return stopping_ && (connections_.size() == 0 || now_ >= stop_deadline_);
}

std::chrono::milliseconds SocketLoop::LongestWait() const {
  constexpr std::chrono::milliseconds kLongest = std::chrono::minutes(1);
  Clock::time_point next =
      std::min(connections_.NextDeadline(), now_ + kLongest);
  if (!accepting_) next = std::min(next, accept_again_);
  if (stopping_) next = std::min(next, stop_deadline_);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now_);
  return std::max(wait, std::chrono::milliseconds(0));
}

void SocketLoop::Accept(int listener) {
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
      SayShortage(errno);
      EvictOne();
      PauseAccepting(true);
    }
    // ECONNABORTED and the like: that connection is gone, the next may not be.
    return;
  }
}

void SocketLoop::SayShortage(int error) {
  if (now_ < say_shortage_again_) return;
  say_shortage_again_ = now_ + kBetweenShortages;
  LogEvent(LogLevel::kWarn, "http_cannot_accept",
           {{"error", ErrorText(error)}});
}

void SocketLoop::PauseAccepting(bool pause) {
  accepting_ = !pause;
  accept_again_ = now_ + kAcceptPause;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    poller_.Change(listeners_[i].fd.get(), kFirstListenerId + i,
                   pause ? 0U : static_cast<std::uint32_t>(EPOLLIN));
  }
}

void SocketLoop::AddConnection(int socket) {
  auto connection = std::make_unique<Connection>();
  connection->fd = FileDescriptor(socket);
  if (connections_.size() >= limits_.max_connections && !EvictOne()) return;
  connection->transport = make_transport_(socket);
  if (connection->transport == nullptr) return;
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  connection->id = next_id_++;
  if (!poller_.Add(socket, connection->id, EPOLLIN)) return;
  connection->interest = EPOLLIN;
  Enter(connections_.Add(std::move(connection)), State::kReading,
        limits_.request_timeout);
}

// Of those that are not at work, the one that has waited longest goes; where
// all are at work, the one that has been reading its answer for longest.
bool SocketLoop::EvictOne() {
  Connection* oldest =
      connections_.Oldest({State::kReading, State::kLingering});
  if (oldest == nullptr) oldest = connections_.Oldest({State::kWriting});
  if (oldest != nullptr) Close(*oldest);
  return oldest != nullptr;
}

void SocketLoop::OnEvent(Connection& connection, std::uint32_t events) {
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
        poller_.Remove(connection.fd.get());
      }
      return;
  }
}

void SocketLoop::Read(Connection& connection) {
  std::array<char, kReadBytes> buffer;
  for (;;) {
    if (connection.state == State::kReading && TakeRequest(connection)) return;
    const ClientTransport::Result result =
        connection.transport->Read(buffer.data(), buffer.size());
    if (result.status == ClientTransport::Status::kClosed) {
      Close(connection);
      return;
    }
    if (result.status != ClientTransport::Status::kOk) {
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
bool SocketLoop::TakeRequest(Connection& connection) {
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

void SocketLoop::Handle(Connection& connection, std::string head) {
  Enter(connection, State::kHandling, Clock::duration::zero());
  WaitFor(connection, 0U);
  try {
    workers_->Submit([this, id = connection.id, request = std::move(head)] {
      SocketAnswer answer = handler_(request);
      {
        const std::lock_guard lock(answers_mutex_);
        answers_.emplace_back(id, std::move(answer));
      }
      poller_.Wake();
    });
  } catch (const std::system_error&) {
    BeginWriting(connection, Refusal(503));  // No thread to be had.
  }
}

void SocketLoop::TakeAnswers() {
  std::vector<std::pair<std::uint64_t, SocketAnswer>> answers;
  {
    const std::lock_guard lock(answers_mutex_);
    answers.swap(answers_);
  }
  for (auto& [id, answer] : answers) {
    Connection* const connection = connections_.Find(id);
    if (connection == nullptr) continue;
    if (connection->lost) {
      Close(*connection);
    } else {
      BeginWriting(*connection, std::move(answer));
    }
  }
}

void SocketLoop::BeginWriting(Connection& connection, SocketAnswer answer) {
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
void SocketLoop::BoundUnread(const Connection& newest) {
  while (unread_bytes_ > limits_.max_unread_bytes) {
    Connection* const oldest = connections_.Oldest({State::kWriting}, &newest);
    if (oldest == nullptr) return;
    Close(*oldest);
  }
}

void SocketLoop::Write(Connection& connection) {
  while (connection.written < connection.AnswerBytes()) {
    const ClientTransport::Result result =
        connection.transport->Write(connection.UnwrittenPart());
    if (result.status == ClientTransport::Status::kClosed) {
      Close(connection);
      return;
    }
    if (result.status != ClientTransport::Status::kOk) {
      WaitFor(connection, result.status);
      return;
    }
    connection.written += result.bytes;
  }
  FinishAnswer(connection);
}

void SocketLoop::FinishAnswer(Connection& connection) {
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

void SocketLoop::Linger(Connection& connection) {
  connection.transport->EndWriting();
  connection.input = {};
  Enter(connection, State::kLingering,
        stopping_ ? kLingerTimeAtStop : Clock::duration(kLingerTime));
  Read(connection);
}

void SocketLoop::Enter(Connection& connection, State state,
                       Clock::duration time) {
  connection.state = state;
  connection.since = now_;
  connection.deadline = now_ + time;
}

void SocketLoop::WaitFor(Connection& connection,
                         ClientTransport::Status status) {
  WaitFor(connection, status == ClientTransport::Status::kWantWrite
                          ? static_cast<std::uint32_t>(EPOLLOUT)
                          : static_cast<std::uint32_t>(EPOLLIN));
}

void SocketLoop::WaitFor(Connection& connection, std::uint32_t events) {
  if (connection.interest == events) return;
  connection.interest = events;
  poller_.Change(connection.fd.get(), connection.id, events);
}

void SocketLoop::Close(Connection& connection) {
  if (connection.state == State::kWriting) {
    unread_bytes_ -= connection.AnswerBytes();
  }
  connections_.Remove(connection);
}

void SocketLoop::CloseLate() {
  for (Connection* connection : connections_.Late(now_)) Close(*connection);
  if (!accepting_ && accept_again_ <= now_) PauseAccepting(false);
}

void SocketLoop::BeginStop() {
  stopping_ = true;
  stop_deadline_ = now_ + limits_.stop_timeout;
  for (Connection* connection :
       connections_.In({State::kReading, State::kLingering})) {
    Close(*connection);
  }
  for (Listener& listener : listeners_) {
    poller_.Remove(listener.fd.get());
    listener.fd = FileDescriptor();
  }
}

}  // namespace gunicorn_exporter
