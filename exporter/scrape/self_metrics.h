// What the exporter counts about itself (section 4.3 of the interface, without
// what a collector says of its own work), in a prometheus-cpp registry.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>
#include <string_view>
#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

// Thread rule: any thread, several at once.
class SelfMetrics {
 public:
  // `start_seconds`: when the process began, Unix time.
  explicit SelfMetrics(double start_seconds);

  void CountHttpRequest(std::string_view handler, int code);
  void SetCollectorResult(std::string_view collector, bool success,
                          double duration_seconds);
  // `now_seconds`: Unix time; written only where the reload was successful.
  void SetReloadResult(bool success, double now_seconds);

  // For those who count about themselves.
  prometheus::Registry& registry() { return registry_; }

  // The registry's families and the standard process_* ones.
  std::vector<MetricFamily> Families() const;

 private:
  double start_seconds_;
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& http_requests_;
  prometheus::Family<prometheus::Gauge>& collector_success_;
  prometheus::Family<prometheus::Gauge>& collector_duration_;
  prometheus::Gauge& reload_successful_;
  prometheus::Gauge& reload_timestamp_;
};

}  // namespace gunicorn_exporter
