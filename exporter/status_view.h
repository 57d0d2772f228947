// What the families of a scrape say about each app, put together: the status
// page's view of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/app_status.h"
#include "collectors/metric_family.h"
#include "exporter/known_apps.h"

namespace gunicorn_exporter {

// A series that is not there makes no number.
struct StatusView {
  AppStatus status;
  bool running_here = true;  // False: known from its StatsD lines alone.
  std::vector<Label> tags;   // Its labels beside `app` and the container's.

  std::optional<double> requests;
  std::map<std::string, double> status_codes;  // "200": answers so far.
  std::map<std::string, double> log_messages;  // "error": messages so far.
  std::map<std::string, double> quantiles;     // "0.95": seconds, window's.
  std::optional<double> duration_count, duration_sum;
  std::optional<double> queue_length, queue_limit, listen_overflows;
  std::optional<double> connections, dirty_workers;
  std::optional<double> cpu_seconds, resident_bytes;
  std::optional<double> master_start_seconds, heartbeat_age_seconds;
  std::optional<double> last_packet_seconds;  // Unix time.
};

// By name. Pure function.
std::vector<StatusView> ViewApps(const std::vector<MetricFamily>& families,
                                 const KnownApps& known);

// The value of a label of the series; empty where it has none.
std::string LabelValue(const Series& series, std::string_view name);

}  // namespace gunicorn_exporter
