// The series of section 4.2, from StatsD.
#pragma once

#include <string_view>
#include <vector>

#include "collectors/collector.h"
#include "collectors/series/metric_store.h"

namespace gunicorn_exporter {

class StatsdCollector : public Collector {
 public:
  // `store` outlives this.
  explicit StatsdCollector(MetricStore& store) : store_(store) {}

  std::string_view Name() const override { return "statsd"; }
  std::vector<MetricFamily> Collect() override { return store_.Collect(); }

 private:
  MetricStore& store_;
};

}  // namespace gunicorn_exporter
