#include "exporter/scrape/self_metrics.h"

#include <iterator>
#include <utility>

#include "exporter/scrape/own_process.h"
#include "exporter/version.h"

namespace gunicorn_exporter {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

// The registry holds counters and gauges only.
MetricFamily FromRegistry(const prometheus::MetricFamily& source) {
  const bool is_counter = source.type == prometheus::MetricType::Counter;
  MetricFamily family{source.name,
                      source.help,
                      is_counter ? MetricType::kCounter : MetricType::kGauge,
                      {}};
  for (const prometheus::ClientMetric& metric : source.metric) {
    std::vector<Label> labels;
    for (const auto& label : metric.label) {
      labels.push_back({label.name, label.value});
    }
    AddSeries(family, nullptr,
              labels.empty() ? nullptr : MakeLabels(std::move(labels)),
              is_counter ? metric.counter.value : metric.gauge.value);
  }
  return family;
}

}  // namespace

SelfMetrics::SelfMetrics(double start_seconds)
    : start_seconds_(start_seconds),
      http_requests_(BuildCounter()
                         .Name("gunicorn_exporter_http_requests_total")
                         .Help("HTTP requests answered.")
                         .Register(registry_)),
      reload_successful_(
          BuildGauge()
              .Name("gunicorn_exporter_config_last_reload_successful")
              .Help("1 when the last reading of the configuration succeeded, "
                    "0 when the older one still holds.")
              .Register(registry_)
              .Add({})),
      reload_timestamp_(
          BuildGauge()
              .Name("gunicorn_exporter_config_last_reload_success_timestamp_"
                    "seconds")
              .Help("When the configuration was last read with success.")
              .Register(registry_)
              .Add({})) {
  BuildGauge()
      .Name("gunicorn_exporter_build_info")
      .Help("What this exporter was built from; always 1.")
      .Register(registry_)
      .Add({{"version", kVersion},
            {"revision", kRevision},
            {"compiler", kCompiler}})
      .Set(1);
}

void SelfMetrics::CountHttpRequest(std::string_view handler, int code) {
  http_requests_
      .Add({{"handler", std::string(handler)}, {"code", std::to_string(code)}})
      .Increment();
}

void SelfMetrics::SetReloadResult(bool success, double now_seconds) {
  reload_successful_.Set(success ? 1 : 0);
  if (success) reload_timestamp_.Set(now_seconds);
}

Collected SelfMetrics::Collect(Deadline /*deadline*/) {
  Collected collected{OwnProcessFamilies(start_seconds_), {}};
  for (const prometheus::MetricFamily& family : registry_.Collect()) {
    if (!family.metric.empty()) {
      collected.families.push_back(FromRegistry(family));
    }
  }
  return collected;
}

}  // namespace gunicorn_exporter
