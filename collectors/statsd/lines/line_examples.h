// One example a minute of each kind of line that is not gunicorn's or is wrong,
// with its sender: in the log at level debug, and the last ones for the status
// page. A kind that was shown less than a minute ago costs a look at a flag.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "collectors/statsd/lines/line_counts.h"
#include "collectors/statsd/lines/received_line.h"

namespace gunicorn_exporter {

struct LineExample {
  std::string reason;  // VerdictName, or "foreign": exported.
  std::string line;    // As sent, the first 200 bytes.
  std::string sender;  // "127.0.0.1:4321", "pid 17"; empty: not told.
  double unix_seconds = 0;
};

class LineExamples {
 public:
  using Time = std::chrono::milliseconds;  // Steady.

  // The receiving thread's. kAccepted: a foreign line.
  bool is_due(LineVerdict verdict) const {
    return !shown_[static_cast<std::size_t>(verdict)];
  }
  void Show(LineVerdict verdict, const ReceivedLine& line, Time now);
  // Some kinds are not due: ask Renew now and then.
  bool waits() const { return waiting_ != 0; }
  void Renew(Time now);

  // The last one of each reason. Any thread.
  std::vector<LineExample> Last() const;

 private:
  std::array<bool, kLineVerdicts> shown_{};
  std::array<Time, kLineVerdicts> due_at_{};  // Of those that are shown.
  std::size_t waiting_ = 0;                   // How many are.
  mutable std::mutex mutex_;
  std::array<LineExample, kLineVerdicts> last_;  // Empty reasons: none yet.
};

}  // namespace gunicorn_exporter
