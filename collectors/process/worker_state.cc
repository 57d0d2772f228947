#include "collectors/process/worker_state.h"

namespace gunicorn_exporter {
namespace {

// Of a CPU: 20 ms in a second.
constexpr double kBusyShare = 0.02;
// In a short time a heartbeat does not fill a tick.
constexpr double kShortSeconds = 0.5;

}  // namespace

bool IsBurningCpu(std::uint64_t ticks, double seconds,
                  double ticks_per_second) {
  if (seconds <= 0 || ticks == 0) return false;
  if (ticks == 1 && seconds >= kShortSeconds) return false;
  return static_cast<double>(ticks) >= kBusyShare * seconds * ticks_per_second;
}

}  // namespace gunicorn_exporter
