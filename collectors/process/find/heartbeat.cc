#include "collectors/process/find/heartbeat.h"

#include <algorithm>

namespace gunicorn_exporter {

bool IsHeartbeatFile(std::string_view target) {
  const auto slash = target.rfind('/');
  return slash != std::string_view::npos &&
         target.substr(slash + 1).starts_with("wgunicorn-");
}

double HeartbeatAge(const FileTimes& times, double monotonic_seconds,
                    double unix_seconds) {
  // A time of day lies decades after 1970, no machine runs that long.
  const bool is_monotonic = times.modified > 0 &&
                            times.modified <= monotonic_seconds &&
                            monotonic_seconds < times.changed / 2;
  return std::max(0.0, is_monotonic ? monotonic_seconds - times.modified
                                    : unix_seconds - times.changed);
}

}  // namespace gunicorn_exporter
