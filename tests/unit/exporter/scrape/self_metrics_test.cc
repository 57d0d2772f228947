#include "exporter/scrape/self_metrics.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace gunicorn_exporter {
namespace {

// The value of the only series of a family with these labels; empty where
// absent.
std::optional<double> Value(SelfMetrics& metrics, const std::string& name,
                            const std::string& labels = "") {
  for (const MetricFamily& family : metrics.Collect({}).families) {
    if (family.name != name) continue;
    for (const Series& series : family.series) {
      if ((series.own ? series.own->text() : "") == labels) return series.value;
    }
  }
  return std::nullopt;
}

TEST(SelfMetrics, CountsHttpRequestsByHandlerAndCode) {
  SelfMetrics metrics(0);
  metrics.CountHttpRequest("/metrics", 200);
  metrics.CountHttpRequest("/metrics", 200);
  metrics.CountHttpRequest("/health", 503);
  constexpr auto kName = "gunicorn_exporter_http_requests_total";
  EXPECT_EQ(Value(metrics, kName, R"(code="200",handler="/metrics")"), 2);
  EXPECT_EQ(Value(metrics, kName, R"(code="503",handler="/health")"), 1);
}

TEST(SelfMetrics, KeepsTheTimeOfTheLastGoodReload) {
  SelfMetrics metrics(0);
  metrics.SetReloadResult(true, 1000);
  metrics.SetReloadResult(false, 2000);
  EXPECT_EQ(Value(metrics, "gunicorn_exporter_config_last_reload_successful"),
            0);
  EXPECT_EQ(Value(metrics,
                  "gunicorn_exporter_config_last_reload_success_timestamp_"
                  "seconds"),
            1000);
}

TEST(SelfMetrics, HasTheStandardProcessFamily) {
  SelfMetrics metrics(123);
  EXPECT_EQ(Value(metrics, "process_start_time_seconds"), 123);
  for (const char* name :
       {"process_cpu_seconds_total", "process_resident_memory_bytes",
        "process_virtual_memory_bytes", "process_open_fds",
        "process_max_fds"}) {
    EXPECT_GT(Value(metrics, name).value_or(-1), 0) << name;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
