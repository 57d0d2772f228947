// What the families of a scrape say about each app, put together: the status
// page's view of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/app_status.h"
#include "collectors/metric_family.h"
#include "exporter/status/health.h"

namespace gunicorn_exporter {

// Connections that wait at one address.
struct QueueView {
  std::optional<double> length, limit;
};

// What the app's processes wait for at one peer.
struct UpstreamView {
  double connections = 0, waits = 0, oldest_wait_seconds = 0;
};

// A series that is not there makes no number.
struct StatusView {
  AppStatus status;
  bool running_here = true;  // False: known from its StatsD lines alone.
  // Lines have come that tell the app's name and not which of its containers.
  bool has_lines_elsewhere = false;
  // The counts of such lines are told here, as they are of its only container,
  // or as those of none. They move when a container comes or goes.
  bool holds_shared_counts = false;
  std::string version;      // Empty: not known.
  std::vector<Label> tags;  // Its labels beside `app` and the container's.

  std::optional<double> requests;
  std::map<std::string, double> status_codes;  // "200": answers so far.
  std::map<std::string, double> log_messages;  // "error": messages so far.
  std::map<std::string, double> quantiles;     // "0.95": seconds, window's.
  std::optional<double> duration_count, duration_sum;
  std::map<std::string, QueueView> queues;        // By address.
  std::map<std::string, UpstreamView> upstreams;  // By peer.
  std::optional<double> listen_overflows;
  std::optional<double> connections, dirty_workers;
  std::optional<double> working;  // Workers.
  std::optional<double> requests_in_progress, oldest_request_seconds;
  std::optional<double> requests_lost;  // So far.
  std::optional<double> cpu_seconds, resident_bytes;
  std::optional<double> master_start_seconds, heartbeat_age_seconds;
  std::optional<double> last_packet_seconds;  // Unix time.
};

using StatusViews = std::map<AppId, StatusView>;

// Pure function.
StatusViews ViewApps(const std::vector<MetricFamily>& families,
                     const KnownApps& known);

// Of gunicorn_request_duration_window_seconds ("0.95"); nothing where it is not
// told.
std::optional<double> QuantileOf(const StatusView& app,
                                 const std::string& quantile);

// Answers so far, and those of them that were 500 to 599; nothing where none is
// counted.
std::optional<double> AnswersOf(const StatusView& app);
std::optional<double> ErrorsOf(const StatusView& app);

// Of all addresses; nothing where none is told.
QueueView SumOfQueues(const StatusView& app);

// Whether a queue, whichever, has reached its limit.
bool HasFullQueue(const StatusView& app);

// The value of a label of the series; empty where it has none.
std::string LabelValue(const Series& series, std::string_view name);

// The values of a family by one label; all together where the label is empty.
std::map<std::string, double> SumBy(const std::vector<MetricFamily>& families,
                                    std::string_view name,
                                    std::string_view label);

}  // namespace gunicorn_exporter
