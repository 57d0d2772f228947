// What the exporter counts about itself, in a prometheus-cpp registry: other
// parts register their counters there, too.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>
#include <string_view>

#include "collectors/collector.h"

namespace gunicorn_exporter {

// Thread rule: any thread, several at once.
class SelfMetrics : public Collector {
 public:
  // `start_seconds`: when the process began, Unix time.
  explicit SelfMetrics(double start_seconds);

  void CountHttpRequest(std::string_view handler, int code);
  // `now_seconds`: Unix time; written only where the reload was successful.
  void SetReloadResult(bool success, double now_seconds);

  // For counters of other parts. Safe from any thread.
  prometheus::Registry& registry() { return registry_; }
  // Of no collector whose success is told.
  std::string_view Name() const override { return ""; }
  // The registry's families and the standard process_* ones.
  Collected Collect(Deadline deadline) override;

 private:
  double start_seconds_;
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& http_requests_;
  prometheus::Gauge& reload_successful_;
  prometheus::Gauge& reload_timestamp_;
};

}  // namespace gunicorn_exporter
