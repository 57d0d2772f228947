// Parts a stream of bytes into lines:
//
//     gunicorn.requests:1|c\ngunicorn.workers:3|g\n
//     ^^^^^^^^^^^^^^^^^^^^^  ^^^^^^^^^^^^^^^^^^^
//
// Pure: no I/O. Keeps at most one line that has not ended yet. Not safe from
// several threads.
#pragma once

#include <string>
#include <string_view>

#include "collectors/statsd/lines/parse_line.h"

namespace gunicorn_exporter {

class LineFramer {
 public:
  // Calls `handle(line)` for each line that ends in `bytes`, without its "\n".
  // False where a line is longer than kLongestLine: the stream is of no more
  // use.
  template <typename Handle>
  bool Feed(std::string_view bytes, Handle&& handle) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      if (end == std::string_view::npos) {
        if (rest_.size() + piece.size() > kMostRest) return false;
        rest_ += piece;
        return !IsTooLong(rest_);
      }
      bytes.remove_prefix(end + 1);
      if (rest_.empty()) {
        if (IsTooLong(piece)) return false;
        handle(piece);
      } else {
        if (rest_.size() + piece.size() > kMostRest) return false;
        rest_ += piece;
        if (IsTooLong(rest_)) return false;
        const std::string_view line = rest_;
        handle(line);
        rest_.clear();
      }
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

}  // namespace gunicorn_exporter
