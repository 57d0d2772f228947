// What a prometheus-cpp registry holds: the exporter's own counters and gauges.
#pragma once

#include <prometheus/registry.h>

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// The value of the series whose only label has that value, or, where that is
// empty, that has none. -1: there is none.
inline double RegistryValue(const prometheus::Registry& registry,
                            std::string_view name,
                            std::string_view label_value = {}) {
  for (const prometheus::MetricFamily& family : registry.Collect()) {
    if (family.name != name) continue;
    for (const prometheus::ClientMetric& metric : family.metric) {
      const bool fits = label_value.empty()
                            ? metric.label.empty()
                            : metric.label.size() == 1 &&
                                  metric.label.front().value == label_value;
      if (!fits) continue;
      return family.type == prometheus::MetricType::Counter
                 ? metric.counter.value
                 : metric.gauge.value;
    }
  }
  return -1;
}

// The receivers', by transport: "udp", "unixgram", "tcp".
inline double StatsdLines(const prometheus::Registry& registry,
                          std::string_view transport) {
  return RegistryValue(registry, "gunicorn_exporter_statsd_lines_total",
                       transport);
}

}  // namespace gunicorn_exporter
