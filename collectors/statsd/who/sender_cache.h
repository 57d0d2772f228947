// Rules 3 and 4 of "which app does a line belong to": the sender of a datagram,
// as the process side knows it, with its answers kept.
//
// An answer holds while SenderLookup's generation stands still, and no longer
// than some seconds, so that a pid or a port that another gunicorn got is found
// out. A "no" is asked again soon, later ever more seldom. A sender never seen
// before is looked up at once, within LookupBudget; where that is used up, an
// old answer serves, or the question stays open.
//
// Not safe from several threads: it is the receiving thread's.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "collectors/sender_lookup.h"
#include "collectors/series/series_key.h"
#include "collectors/statsd/who/lookup_budget.h"
#include "collectors/statsd/who/string_table.h"

namespace gunicorn_exporter {

// Who sent a datagram, as the kernel tells it. At most one is set.
struct DatagramSource {
  pid_t pid = 0;                              // SCM_CREDENTIALS; 0: not told.
  const sockaddr_storage* address = nullptr;  // Of a UDP packet. Borrowed.
};

// What to do with a line whose sender was never seen before.
enum class NewSender {
  kLookUp,  // Look it up, and hold the line where there is no time for it.
  kHold,    // Hold the line: others were there before.
  kNobody,  // It is nobody's.
};

class SenderCache {
 public:
  using Clock = std::function<std::chrono::nanoseconds()>;

  // `lookup` may be null: then nobody is known. The clock is a steady one.
  SenderCache(SenderLookup* lookup, Clock clock);

  // Null where the sender is no known gunicorn; nothing where it was never seen
  // and is not looked up, since nobody wants it or there is no time. Valid
  // until Clear.
  std::optional<SeriesRef*> Find(const DatagramSource& source,
                                 NewSender new_sender);
  // So many senders are remembered that it is time for Clear.
  bool IsFull() const { return answers_.size() >= kMostAnswers; }
  void Clear() { answers_.Clear(); }

 private:
  static constexpr std::size_t kMostAnswers = 8192;

  struct Answer {
    SeriesRef ref;
    bool found = false;
    std::uint64_t generation = 0;
    std::chrono::nanoseconds valid_until{0};
    std::chrono::nanoseconds retry_after{0};  // Of a "no".
  };

  void LookUp(const DatagramSource& source, std::chrono::nanoseconds now,
              Answer& answer);

  SenderLookup* const lookup_;
  const Clock clock_;
  LookupBudget budget_;
  StringTable<Answer> answers_;
};

}  // namespace gunicorn_exporter
