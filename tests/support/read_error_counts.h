// What a ProcReader has counted, by file and reason.
#pragma once

#include <prometheus/registry.h>

#include <map>
#include <string>
#include <utility>

namespace gunicorn_exporter {

inline std::map<std::pair<std::string, std::string>, double> ReadErrorCounts(
    const prometheus::Registry& registry) {
  std::map<std::pair<std::string, std::string>, double> counts;
  for (const prometheus::MetricFamily& family : registry.Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::map<std::string, std::string> labels;
      for (const auto& label : metric.label) labels[label.name] = label.value;
      counts[{labels["file"], labels["reason"]}] = metric.counter.value;
    }
  }
  return counts;
}

}  // namespace gunicorn_exporter
