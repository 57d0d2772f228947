// The whole program put together: the one place that knows every part.
//
//     UDP, unixgram, TCP → StatsdServer → MetricStore ─┐
//     /proc → ProcessMonitor → ProcessCollector ───────┼→ Scraper → HttpServer
//     log files → LogCollector ────────────────────────┘
#pragma once

#include <memory>
#include <string>

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

  // Reads the configuration files again. Empty when all is well; else one line
  // that says what is wrong, and what that file said before goes on. Any
  // thread.
  std::string Reload();

  // Whether every part can be stopped: false while one hangs in a call to the
  // system (a procfs that does not answer) for longer than a moment.
  bool CanStop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gunicorn_exporter
