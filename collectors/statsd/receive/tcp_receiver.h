// StatsD lines over TCP: accepts, reads, frames. tcp(7).
//
// At most so many connections at a time, further ones are closed at once and
// counted; one that says nothing for kIdleTime, or sends a line over 8 KiB, is
// closed.
//
// Used by the receiving thread alone, but for refused_connections(),
// addresses() and has_listeners().
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "collectors/statsd/lines/line_handler.h"
#include "collectors/statsd/receive/line_framer.h"
#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {

class TcpReceiver {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kMostConnections = 1024;
  static constexpr std::chrono::minutes kIdleTime{5};

  explicit TcpReceiver(LineHandler& handler,
                       std::size_t most_connections = kMostConnections);

  // Before the receiving thread starts. Listening and non-blocking.
  void AddListener(FileDescriptor socket);
  bool has_listeners() const { return !listeners_.empty(); }
  const std::vector<FileDescriptor>& listeners() const { return listeners_; }
  std::vector<std::string> addresses() const;

  // The next connection's descriptor, which this owns; -1: none, or so many
  // were refused that others should have their turn first.
  int Accept(std::size_t listener, Time now);
  // Did the last Accept leave one waiting, for want of descriptors? Then the
  // listener would be ready for ever: ask again later.
  bool is_short() const { return is_short_; }
  // Takes some of what has come. Closes the connection where it ended.
  void Read(int fd, Time now);
  // Closes those that are silent too long.
  void CloseIdle(Time now);
  // At the end: takes what has come.
  void CloseAll(Time now);
  std::size_t connections() const { return connections_.size(); }

  std::uint64_t refused_connections() const { return refused_; }

 private:
  struct Connection {
    FileDescriptor socket;
    LineFramer framer;
    Time last_read;
  };

  enum class Outcome { kGotSome, kNothingYet, kEnded };
  Outcome ReadSome(Connection& connection, Time now);
  bool RefuseOne(std::size_t listener);
  void SayRefused(Time now, const std::string& error);

  LineHandler& handler_;
  const std::size_t most_connections_;
  std::vector<FileDescriptor> listeners_;
  std::unordered_map<int, Connection> connections_;  // By descriptor.
  std::vector<char> buffer_;
  FileDescriptor
      spare_;  // Given up to refuse a connection when descriptors run out.
  bool is_short_ = false;
  Time say_refused_again_;  // Until then it is counted only.
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace gunicorn_exporter
