// The system's clock as Prometheus wants it.
#pragma once

#include <chrono>

namespace gunicorn_exporter {

inline double UnixSeconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace gunicorn_exporter
