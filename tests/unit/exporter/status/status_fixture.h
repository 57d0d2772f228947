// What the tests of the status page's JSON share: apps that run, and the answer
// for them.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "exporter/status/status_json.h"
#include "tests/support/families.h"
#include "tests/support/running_app.h"

namespace gunicorn_exporter {

using Milliseconds = std::chrono::milliseconds;

inline constexpr char kStatsdAddress[] = "127.0.0.1:8125";

inline nlohmann::json Parse(
    const std::vector<MetricFamily>& families, const KnownApps& known,
    const std::string& statsd_address = kStatsdAddress) {
  return nlohmann::json::parse(
      StatusJson(families, known, History(Milliseconds(0)),
                 {Milliseconds(0), 1000.5}, statsd_address));
}

inline nlohmann::json Status(const std::vector<MetricFamily>& families,
                             const std::vector<AppStatus>& apps,
                             const std::string& trouble = "") {
  return Parse(families, {apps, trouble});
}

inline MetricFamily One(const char* name, LabelSetPtr common, LabelSetPtr own,
                        double value, MetricType type = MetricType::kCounter) {
  MetricFamily family = MakeFamily(name, type);
  AddSeries(family, std::move(common), std::move(own), value);
  return family;
}

inline MetricFamily LastPacket(const std::string& app) {
  return One("gunicorn_exporter_statsd_last_packet_timestamp_seconds",
             MakeLabels({{"app", app}}), nullptr, 999, MetricType::kGauge);
}

}  // namespace gunicorn_exporter
