// StatsD lines over TCP: accepts, reads, frames. tcp(7).
//
// At most so many connections at a time, further ones are closed at once and
// counted; one that says nothing for kIdleTime, or sends a line over 8 KiB, is
// closed.
//
// Used by the receiving thread alone, but for addresses().
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collectors/statsd/lines/line_handler.h"
#include "collectors/statsd/lines/parse_line.h"
#include "collectors/statsd/receive/receiver_metrics.h"
#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {

// Parts a stream of bytes into lines:
//
//     gunicorn.requests:1|c\ngunicorn.workers:3|g\n
//     ^^^^^^^^^^^^^^^^^^^^^  ^^^^^^^^^^^^^^^^^^^
//
// Keeps at most one line that has not ended yet.
class LineFramer {
 public:
  // Calls `handle(line)` for each line that ends in `bytes`, without its "\n".
  // False where a line is longer than kLongestLine: the stream is of no more
  // use.
  template <typename Handle>
  bool Feed(std::string_view bytes, Handle&& handle) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const bool has_ended = end != std::string_view::npos;
      std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(line.size() + (has_ended ? 1 : 0));
      if (!rest_.empty() || !has_ended) {
        if (rest_.size() + line.size() > kMostRest) return false;
        rest_ += line;
        line = rest_;
      }
      if (IsTooLong(line)) return false;
      if (!has_ended) break;
      handle(line);
      rest_.clear();
    }
    return true;
  }

  // The stream has ended: its last line needs no "\n".
  template <typename Handle>
  void Finish(Handle&& handle) {
    const std::string_view line = rest_;
    if (!line.empty()) handle(line);
    rest_.clear();
  }

 private:
  // With a "\r" that does not count.
  static constexpr std::size_t kMostRest = kLongestLine + 1;

  static bool IsTooLong(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line.size() > kLongestLine;
  }

  std::string rest_;
};

class TcpReceiver {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kMostConnections = 1024;
  static constexpr std::chrono::minutes kIdleTime{5};

  // Both outlive this.
  TcpReceiver(LineHandler& handler, ReceiverMetrics& metrics,
              std::size_t most_connections = kMostConnections);

  // Before the receiving thread starts. Listening and non-blocking.
  void AddListener(FileDescriptor socket);
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

 private:
  struct Connection {
    FileDescriptor socket;
    LineFramer framer;
    Time last_read;
  };

  enum class Outcome { kGotSome, kNothingYet, kEnded };
  Outcome ReadSome(Connection& connection, Time now);
  void HandleLine(std::string_view line, const Connection& connection);
  void Warn(Time now, const char* event, const std::string& error);

  LineHandler& handler_;
  ReceiverMetrics& metrics_;
  const std::size_t most_connections_;
  std::vector<FileDescriptor> listeners_;
  std::unordered_map<int, Connection> connections_;  // By descriptor.
  std::vector<char> buffer_;
  bool is_short_ = false;
  Time warn_again_;  // Until then nothing is said.
};

}  // namespace gunicorn_exporter
