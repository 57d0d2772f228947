// The connections of SocketServer: what each is about to do, and which has
// waited longest.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/base/file_descriptor.h"
#include "exporter/web/socket_server.h"
#include "exporter/web/transport.h"

namespace gunicorn_exporter {

struct Connection {
  using Clock = std::chrono::steady_clock;

  enum class State {
    kReading,    // Of a request, or of nothing yet.
    kHandling,   // A worker has the request. Nothing is read meanwhile.
    kWriting,    // Its answer.
    kLingering,  // All is said; the peer may close first.
  };

  std::uint64_t id = 0;
  FileDescriptor fd;
  std::unique_ptr<ClientTransport> transport;  // Goes before the descriptor.
  State state = State::kReading;
  std::uint32_t interest = 0;  // What epoll waits for.
  Clock::time_point since;     // When the state began.
  Clock::time_point deadline;  // Of the state; none while kHandling.
  std::string input;           // Read and not yet handled.
  // A part of a request has come; of a new connection it is expected at once.
  bool request_began = true;
  bool lost = false;  // While kHandling: the peer is gone.
  SocketAnswer answer;
  std::size_t written = 0;  // Of the answer's head and body together.

  std::size_t AnswerBytes() const {
    return answer.head.size() + answer.body.size();
  }
  // What is to be written next; empty where all is.
  std::string_view UnwrittenPart() const;
};

// Thread rule: one thread.
class ConnectionTable {
 public:
  using Clock = Connection::Clock;
  using States = std::initializer_list<Connection::State>;

  std::size_t size() const { return connections_.size(); }
  Connection& Add(std::unique_ptr<Connection> connection);
  Connection* Find(std::uint64_t id);
  void Remove(const Connection& connection);

  // In one of the states for the longest; null where none is. `except` is not
  // chosen.
  Connection* Oldest(States states, const Connection* except = nullptr);
  std::vector<Connection*> In(States states);
  std::vector<Connection*> Late(Clock::time_point now);
  // Clock::time_point::max() where no connection has a deadline.
  Clock::time_point NextDeadline() const;

 private:
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
};

// An answer of the server itself, to what is no request that it can pass on.
// The connection closes after it.
SocketAnswer Refusal(int status);

}  // namespace gunicorn_exporter
