#include "collectors/process/monitor_clocks.h"

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

MonitorClocks SystemClocks() {
  return {[] { return std::chrono::steady_clock::now(); },
          [] { return ReadClock(CLOCK_MONOTONIC); },
          [] { return ReadClock(CLOCK_REALTIME); },
          [] { return ReadClock(CLOCK_BOOTTIME); },
          [] { return ReadClock(CLOCK_THREAD_CPUTIME_ID); }};
}

}  // namespace gunicorn_exporter
