// The clocks that the process side reads, given in so that tests own the time.
#pragma once

#include <chrono>
#include <cstdint>
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

// What the kernel counts CPU and start times in (sysconf, _SC_CLK_TCK).
double TicksPerSecond();

// When the machine started, by the time of day as it is now: a clock that is
// set, by NTP on a machine without a battery for one, moves it. It does not
// tremble with the clock's adjustments.
class BootTime {
 public:
  BootTime() = default;
  // `unix_seconds`: proc(5) stat, btime, just read. 0: not known, and stays so.
  BootTime(std::uint64_t unix_seconds, const MonitorClocks& clocks);

  double UnixSeconds(const MonitorClocks& clocks) const;

 private:
  double unix_seconds_ = 0;
  double offset_ = 0;  // Between the two clocks, at that time.
};

}  // namespace gunicorn_exporter
