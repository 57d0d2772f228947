// The clocks that the process side reads, given in so that tests own the time.
#pragma once

#include <chrono>
#include <functional>

namespace gunicorn_exporter {

struct MonitorClocks {
  // CLOCK_MONOTONIC.
  std::function<std::chrono::steady_clock::time_point()> now;
  std::function<double()> unix_seconds;
  // Since boot, suspended time included: what start times count in.
  std::function<double()> boot_seconds;
};

MonitorClocks SystemClocks();

}  // namespace gunicorn_exporter
