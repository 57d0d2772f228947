// One example a minute of each kind of line that is not gunicorn's, is wrong or
// finds no room in the store, with its sender: in the log at level debug, and
// the last ones for the status page. A kind that was shown less than a minute
// ago costs a comparison.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "collectors/series/series_budget.h"
#include "collectors/statsd/lines/line_counts.h"
#include "collectors/statsd/lines/received_line.h"

namespace gunicorn_exporter {

struct LineExample {
  std::string reason;  // VerdictName, RefusalName, or "foreign": exported.
  std::string line;    // As sent, the first 200 bytes.
  std::string sender;  // "127.0.0.1:4321", "pid 17"; empty: not told.
  double unix_seconds = 0;
  Transport transport{};
};

LineExample MakeExample(const ReceivedLine& line);

class LineExamples {
 public:
  using Time = std::chrono::milliseconds;  // Steady.

  // A verdict (kAccepted: a foreign line), or why the store has no series.
  using Kind = std::size_t;
  static constexpr Kind KindOf(LineVerdict verdict) {
    return static_cast<Kind>(verdict);
  }
  static constexpr Kind KindOf(Refusal refusal) {
    return kLineVerdicts - 1 + static_cast<Kind>(refusal);
  }

  // The receiving thread's.
  void SetTime(Time now) { now_ = now; }  // Now and then.
  bool is_due(Kind kind) const { return now_ >= due_at_[kind]; }
  void Show(Kind kind, LineExample example, Time now);

  // The last one of each reason. Any thread.
  std::vector<LineExample> Last() const;

 private:
  static constexpr std::size_t kKinds = kLineVerdicts + kRefusals - 1;

  Time now_{0};
  std::array<Time, kKinds> due_at_{};
  mutable std::mutex mutex_;
  std::array<LineExample, kKinds> last_;  // Empty reasons: none yet.
};

}  // namespace gunicorn_exporter
