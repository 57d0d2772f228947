#include "exporter/status/status_json.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "exporter/status/status_hints.h"
#include "exporter/status/status_view.h"
#include "exporter/version.h"

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no NaN: the quantile of an empty window is null.
Json Number(const std::optional<double>& value) {
  if (!value.has_value() || !std::isfinite(*value)) return nullptr;
  constexpr double kWhole = 9007199254740992;  // 2^53
  if (std::trunc(*value) == *value && std::abs(*value) < kWhole) {
    return std::llround(*value);
  }
  return *value;
}

Json Numbers(const std::map<std::string, double>& values) {
  Json json = Json::object();
  for (const auto& [name, value] : values) json[name] = Number(value);
  return json;
}

const char* StatusOf(const StatusView& app) {
  if (!app.running_here) return "remote";
  return app.status.ok ? "ok" : "critical";
}

// Those that keep most waiting first.
Json UpstreamsJson(const StatusView& app) {
  std::vector<std::pair<std::string, UpstreamView>> upstreams(
      app.upstreams.begin(), app.upstreams.end());
  std::stable_sort(
      upstreams.begin(), upstreams.end(),
      [](const auto& left, const auto& right) {
        return std::pair(left.second.waits, left.second.connections) >
               std::pair(right.second.waits, right.second.connections);
      });
  Json list = Json::array();
  for (const auto& [peer, view] : upstreams) {
    list.push_back({{"peer", peer},
                    {"waits", Number(view.waits)},
                    {"oldest_wait_seconds", Number(view.oldest_wait_seconds)},
                    {"connections", Number(view.connections)}});
  }
  return list;
}

const char* StateOf(const WorkerStatus& worker) {
  switch (worker.state) {
    case WorkerState::kIdle:
      return "idle";
    case WorkerState::kWorking:
      return "working";
    case WorkerState::kUnknown:
      break;
  }
  return "unknown";
}

// Where there are too many, those at work for the longest.
Json WorkersJson(std::vector<WorkerStatus> workers) {
  if (workers.size() > kMostListedWorkers) {
    const auto rank = [](const WorkerStatus& worker) {
      return std::pair(worker.oldest_request_seconds.value_or(0),
                       worker.state == WorkerState::kWorking);
    };
    std::stable_sort(workers.begin(), workers.end(),
                     [&](const WorkerStatus& left, const WorkerStatus& right) {
                       return rank(left) > rank(right);
                     });
    workers.resize(kMostListedWorkers);
    std::sort(workers.begin(), workers.end(),
              [](const WorkerStatus& left, const WorkerStatus& right) {
                return left.pid < right.pid;
              });
  }
  Json list = Json::array();
  for (const WorkerStatus& worker : workers) {
    const auto& requests = worker.requests_in_progress;
    list.push_back(
        {{"pid", worker.pid},
         {"state", StateOf(worker)},
         {"requests_in_progress", requests ? Json(*requests) : Json(nullptr)},
         {"oldest_request_seconds", Number(worker.oldest_request_seconds)}});
  }
  return list;
}

Json MinuteJson(const LastMinute& minute) {
  return {{"seconds", Number(minute.seconds)},
          {"requests_per_second", Number(minute.requests_per_second)},
          {"error_ratio", Number(minute.error_ratio)}};
}

Json AppJson(const StatusView& app, const LastMinute& minute,
             const std::string& statsd_address, double now_seconds) {
  const AppStatus& status = app.status;
  Json tags = Json::object();
  for (const Label& tag : app.tags) tags[tag.name] = tag.value;
  const QueueView queue = SumOfQueues(app);
  Json json = {
      {"app", status.app.name},
      {"status", StatusOf(app)},
      {"configured", status.configured},
      {"message", status.message},
      {"tags", std::move(tags)},
      {"worker_class", status.worker_class},
      {"masters", status.masters},
      {"workers",
       {{"idle", status.idle},
        {"working", status.working},
        {"unknown", status.unknown}}},
      {"worker_list", WorkersJson(status.worker_list)},
      {"dirty_workers", Number(app.dirty_workers)},
      {"connections", Number(app.connections)},
      {"queue",
       {{"length", Number(queue.length)},
        {"limit", Number(queue.limit)},
        {"full", HasFullQueue(app)},
        {"overflows_total", Number(app.listen_overflows)}}},
      {"waits", status.waits},
      {"upstreams", UpstreamsJson(app)},
      {"requests_in_progress", Number(app.requests_in_progress)},
      {"oldest_request_age_seconds", Number(app.oldest_request_seconds)},
      {"requests_lost_total", Number(app.requests_lost)},
      {"last_minute", MinuteJson(minute)},
      {"requests_total", Number(app.requests)},
      {"status_codes", Numbers(app.status_codes)},
      {"errors_total", Number(ErrorsOf(app))},
      {"duration",
       {{"p50", Number(QuantileOf(app, "0.5"))},
        {"p95", Number(QuantileOf(app, "0.95"))},
        {"max", Number(QuantileOf(app, "1"))},
        {"count_total", Number(app.duration_count)},
        {"sum_total", Number(app.duration_sum)}}},
      {"log_messages", Numbers(app.log_messages)},
      {"cpu_seconds_total", Number(app.cpu_seconds)},
      {"resident_bytes", Number(app.resident_bytes)},
      {"master_start_seconds", Number(app.master_start_seconds)},
      {"heartbeat_age_seconds", Number(app.heartbeat_age_seconds)},
      {"last_packet_seconds", Number(app.last_packet_seconds)},
      {"lines_carry", status.lines_carry},
      {"hints", HintsForApp(app, statsd_address, now_seconds)},
  };
  if (!status.app.pod_uid.empty()) json["pod_uid"] = status.app.pod_uid;
  if (!status.app.container_id.empty()) {
    json["container_id"] = status.app.container_id;
  }
  return json;
}

Json Sum(const std::vector<MetricFamily>& families, std::string_view name) {
  const auto sums = SumBy(families, name, "");
  return sums.empty() ? Json(nullptr) : Number(sums.begin()->second);
}

Json StatsdJson(const std::vector<MetricFamily>& families,
                const std::vector<LineExample>& examples) {
  Json list = Json::array();
  for (const LineExample& example : examples) {
    list.push_back({{"reason", example.reason},
                    {"line", example.line},
                    {"sender", example.sender},
                    {"time", example.unix_seconds}});
  }
  const std::string prefix = "gunicorn_exporter_statsd_";
  const auto by = [&](const char* name, const char* label) {
    return Numbers(SumBy(families, prefix + name, label));
  };
  return {{"packets", by("packets_total", "transport")},
          {"lines", by("lines_total", "transport")},
          {"errors", by("line_errors_total", "reason")},
          {"ignored", by("ignored_lines_total", "reason")},
          {"dropped", Sum(families, prefix + "dropped_packets_total")},
          {"refused_series", Sum(families, prefix + "refused_series_total")},
          {"series", Sum(families, prefix + "series")},
          {"examples", std::move(list)}};
}

Json CollectorsJson(const std::vector<MetricFamily>& families) {
  Json list = Json::array();
  const auto durations = SumBy(
      families, "gunicorn_exporter_collector_duration_seconds", "collector");
  for (const auto& [name, success] :
       SumBy(families, "gunicorn_exporter_collector_success", "collector")) {
    const auto duration = durations.find(name);
    list.push_back({{"collector", name},
                    {"success", success != 0},
                    {"duration_seconds", duration == durations.end()
                                             ? Json(nullptr)
                                             : Number(duration->second)}});
  }
  return list;
}

}  // namespace

std::string StatusJson(const std::vector<MetricFamily>& families,
                       const KnownApps& known, const History& history,
                       const TimePoint& now,
                       const std::string& statsd_address) {
  const std::vector<AppStatus>& apps = known.apps;
  const bool ok = known.trouble.empty() && !apps.empty() &&
                  std::all_of(apps.begin(), apps.end(),
                              [](const AppStatus& app) { return app.ok; });
  Json list = Json::array();
  for (const auto& [id, app] : ViewApps(families, known)) {
    list.push_back(AppJson(app, history.MinuteOf(app, now.steady),
                           statsd_address, now.unix_seconds));
  }
  std::vector<std::string> hints = known.notes;
  for (std::string& hint : HintsForAll(families)) {
    hints.push_back(std::move(hint));
  }
  if (!known.trouble.empty()) hints.insert(hints.begin(), known.trouble);
  const Json json = {{"version", kVersion},
                     {"time", now.unix_seconds},
                     {"status", ok ? "ok" : "critical"},
                     {"apps", std::move(list)},
                     {"statsd", StatsdJson(families, known.examples)},
                     {"collectors", CollectorsJson(families)},
                     {"hints", std::move(hints)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace gunicorn_exporter
