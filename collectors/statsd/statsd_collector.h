// The series of sections 4.2 (from StatsD) and 4.3 (about its receivers).
#pragma once

#include <string_view>
#include <vector>

#include "collectors/collector.h"
#include "collectors/series/metric_store.h"
#include "collectors/statsd/receive/statsd_server.h"

namespace gunicorn_exporter {

class StatsdCollector : public Collector {
 public:
  // Both outlive this.
  StatsdCollector(MetricStore& store, const StatsdServer& server)
      : store_(store), server_(server) {}

  std::string_view Name() const override { return store_.Name(); }
  std::vector<MetricFamily> Collect() override;

 private:
  void AddReceivers(std::vector<MetricFamily>& families) const;

  MetricStore& store_;
  const StatsdServer& server_;
};

}  // namespace gunicorn_exporter
