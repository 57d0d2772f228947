// The whole program put together: the one place that knows every part.
//
//     UDP, unixgram, TCP → StatsdServer → MetricStore ─┐
//     /proc → ProcessMonitor → ProcessCollector ───────┼→ Scraper → HttpServer
//     log files → LogCollector ────────────────────────┘
#pragma once

#include <memory>

#include "config/config.h"
#include "config/load_config.h"

namespace gunicorn_exporter {

class Exporter {
 public:
  // Binds every address and starts every part. Throws ConfigError.
  Exporter(const Flags& flags, const LoadedConfig& loaded);
  // Stops serving, then receiving, then the rest.
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // Reads the configuration file again. Throws ConfigError, and the older
  // configuration holds, where it is broken. Any thread.
  void Reload();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gunicorn_exporter
