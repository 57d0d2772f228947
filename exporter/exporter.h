// The whole program put together: the one place that knows every part.
//
//     UDP, unixgram, TCP → StatsdServer → MetricStore ─┐
//     log files → LogCollector ─────────────↗          ├→ Scraper → HttpServer
//     /proc → ProcessThread → ProcessCollector ────────┘
//     both, every five seconds → History → HttpServer
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "collectors/logs/log_collector.h"
#include "collectors/process/process_collector.h"
#include "collectors/process/process_thread.h"
#include "collectors/series/metric_store.h"
#include "collectors/statsd/receive/statsd_server.h"
#include "config/config.h"
#include "config/load_config.h"
#include "exporter/file_thread.h"
#include "exporter/scrape/scrape.h"
#include "exporter/scrape/self_metrics.h"
#include "exporter/status/health.h"
#include "exporter/status/history.h"
#include "exporter/status/status_view.h"
#include "exporter/web/http_server.h"

namespace gunicorn_exporter {

class Exporter {
 public:
  // Binds every address and starts every part. Throws ConfigError.
  Exporter(const Flags& flags, const LoadedConfig& loaded,
           std::shared_ptr<const WebState> web);
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // Reads the configuration files again; what they say takes effect whole or
  // not at all. Empty when all is well, else one line that says what is wrong.
  // Any thread.
  std::string Reload();

  // Adds a point to the history where one is due; it waits for nobody who may
  // hang. The main thread does it, between two signals.
  void KeepHistory();
  static std::chrono::steady_clock::time_point NextHistoryPoint();

  // Whether every part can be destroyed: false where one hangs in a call to the
  // system (a procfs or a configuration file that does not answer).
  bool CanStop();

 private:
  void Start();
  HttpHandlers Handlers();
  KnownApps Apps();
  // All apps as the last look at the process table left them.
  StatusViews LastViews();
  bool Knows(const std::string& app_name) const;
  // What --statsd-host of a gunicorn should be; empty: nothing is received.
  std::string StatsdAddress() const;
  // Throws ConfigError; then nothing has changed.
  void ReadAndApply();

  // In the order in which they are built; what stands below uses what stands
  // above. What a flag switches off is not there.
  const Flags flags_;
  SelfMetrics self_metrics_;
  MetricStore store_;
  History history_;
  std::optional<ProcessThread> process_;
  std::optional<ProcessCollector> process_collector_;
  std::optional<StatsdServer> statsd_;
  std::optional<LogCollector> logs_;
  std::optional<Scraper> scraper_;
  FileThread files_;
  std::mutex reload_mutex_;  // One reload at a time, none before the end.
  std::optional<HttpServer> http_;
};

}  // namespace gunicorn_exporter
