#include "collectors/process/monitor_clocks.h"

#include <unistd.h>

#include <cmath>
#include <ctime>

namespace gunicorn_exporter {
namespace {

double ReadClock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

double TicksPerSecond() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

MonitorClocks SystemClocks() {
  return {[] { return std::chrono::steady_clock::now(); },
          [] { return ReadClock(CLOCK_MONOTONIC); },
          [] { return ReadClock(CLOCK_REALTIME); },
          [] { return ReadClock(CLOCK_BOOTTIME); },
          [] { return ReadClock(CLOCK_THREAD_CPUTIME_ID); }};
}

BootTime::BootTime(std::uint64_t unix_seconds, const MonitorClocks& clocks)
    : unix_seconds_(static_cast<double>(unix_seconds)),
      offset_(clocks.unix_seconds() - clocks.boot_seconds()) {}

double BootTime::UnixSeconds(const MonitorClocks& clocks) const {
  constexpr double kLeastStep = 2;
  if (unix_seconds_ == 0) return 0;
  const double step = clocks.unix_seconds() - clocks.boot_seconds() - offset_;
  return std::abs(step) < kLeastStep ? unix_seconds_ : unix_seconds_ + step;
}

}  // namespace gunicorn_exporter
