// The time, given in so that tests choose it.
#pragma once

#include <chrono>
#include <functional>

namespace gunicorn_exporter {

struct TimePoint {
  std::chrono::milliseconds steady{0};  // Never goes back; for ages.
  double unix_seconds = 0;              // For what a scrape tells.
};

// Any thread.
using TimeSource = std::function<TimePoint()>;

inline TimePoint SystemTime() {
  using std::chrono::duration;
  using std::chrono::duration_cast;
  return {duration_cast<std::chrono::milliseconds>(
              std::chrono::steady_clock::now().time_since_epoch()),
          duration<double>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace gunicorn_exporter
