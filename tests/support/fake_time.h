// A clock that stands still until a test moves it.
#pragma once

#include <atomic>
#include <chrono>

#include "collectors/series/time_point.h"

namespace gunicorn_exporter {

class FakeTime {
 public:
  void Advance(std::chrono::milliseconds time) { elapsed_ms_ += time.count(); }
  TimePoint Now() const {
    constexpr double kStartUnixSeconds = 1'700'000'000;
    const std::int64_t elapsed = elapsed_ms_;
    return {std::chrono::hours(1) + std::chrono::milliseconds(elapsed),
            kStartUnixSeconds + static_cast<double>(elapsed) / 1000};
  }
  TimeSource Source() const {
    return [this] { return Now(); };
  }

 private:
  std::atomic<std::int64_t> elapsed_ms_{0};
};

}  // namespace gunicorn_exporter
