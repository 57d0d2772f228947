// Lines of senders that were never seen before, held while the time for
// look-ups is used up (LookupBudget): at the start of many gunicorns, say. A
// look-up a little later books them to their app, where now they would go to
// nobody's. Bounded: past that, and after kLongest, a line is nobody's.
//
// Not safe from several threads: it is the receiving thread's.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/statsd/receive/receiver_stats.h"
#include "collectors/statsd/who/sender_cache.h"

namespace gunicorn_exporter {

class HeldLines {
 public:
  bool IsEmpty() const { return lines_.empty(); }
  // Of a line that comes now. Those that are held have their turn before it.
  NewSender ForNewSender() const {
    if (lines_.empty()) return NewSender::kLookUp;
    return lines_.size() < kMostLines && bytes_ < kMostBytes
               ? NewSender::kHold
               : NewSender::kNobody;
  }

  void Hold(Transport transport, std::string_view line,
            const DatagramSource& source, std::chrono::nanoseconds now) {
    bytes_ += line.size();
    Line& held = lines_.emplace_back();
    held.transport = transport;
    held.text = line;
    held.pid = source.pid;
    if (source.address != nullptr) held.address = *source.address;
    held.until = now + kLongest;
  }

  // Calls take(transport, line, source, new_sender) for each, oldest first;
  // those for which it says true are held no longer. Those that have waited
  // long enough are then taken as nobody's. Does nothing where the last time
  // was just now, but for kNobody.
  template <typename Take>
  void Offer(std::chrono::nanoseconds now, NewSender new_sender, Take take) {
    if (now < next_offer_ && new_sender != NewSender::kNobody) return;
    next_offer_ = now + kOfferEvery;
    std::erase_if(lines_, [&](const Line& line) {
      const DatagramSource source{line.pid,
                                  line.address ? &*line.address : nullptr};
      if (!take(line.transport, line.text, source, new_sender) &&
          (now < line.until ||
           !take(line.transport, line.text, source, NewSender::kNobody))) {
        return false;
      }
      bytes_ -= line.text.size();
      return true;
    });
  }

 private:
  static constexpr std::chrono::seconds kLongest{15};
  static constexpr std::chrono::milliseconds kOfferEvery{10};
  static constexpr std::size_t kMostLines = 2048;
  static constexpr std::size_t kMostBytes = 512U << 10U;

  struct Line {
    Transport transport{};
    std::string text;
    pid_t pid = 0;
    std::optional<sockaddr_storage> address;
    std::chrono::nanoseconds until{0};
  };

  std::deque<Line> lines_;
  std::size_t bytes_ = 0;
  std::chrono::nanoseconds next_offer_{0};
};

}  // namespace gunicorn_exporter
