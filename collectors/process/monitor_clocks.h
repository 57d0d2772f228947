// The clocks that the process side reads, given in so that tests own the time.
#pragma once

#include <chrono>
#include <functional>

namespace gunicorn_exporter {

struct MonitorClocks {
  std::function<std::chrono::steady_clock::time_point()> now;
  // CLOCK_MONOTONIC: what gunicorn's heartbeats count in.
  std::function<double()> monotonic_seconds;
  std::function<double()> unix_seconds;
  // Since boot, suspended time included: what start times count in.
  std::function<double()> boot_seconds;
  // CPU time of the calling thread: what a sample or a scan costs.
  std::function<double()> thread_cpu_seconds;
};

MonitorClocks SystemClocks();

}  // namespace gunicorn_exporter
