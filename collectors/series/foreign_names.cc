#include "collectors/series/foreign_names.h"

namespace gunicorn_exporter {
namespace {

// Every family that a scrape may have beside the foreign ones.
constexpr std::string_view kExporters = "gunicorn_exporter_";
constexpr std::string_view kOwnNames[] = {
    "gunicorn_app_info",
    "gunicorn_arbiter_workers",
    "gunicorn_backlog_connections",
    "gunicorn_connections",
    "gunicorn_cpu_limit_cores",
    "gunicorn_cpu_seconds_total",
    "gunicorn_cpu_throttled_seconds_total",
    "gunicorn_dirty_workers",
    "gunicorn_is_running",
    "gunicorn_listen_overflows_total",
    "gunicorn_listen_queue_length",
    "gunicorn_listen_queue_limit",
    "gunicorn_log_lines_total",
    "gunicorn_log_messages_total",
    "gunicorn_master_start_time_seconds",
    "gunicorn_masters",
    "gunicorn_memory_limit_bytes",
    "gunicorn_oldest_request_age_seconds",
    "gunicorn_oom_kills_total",
    "gunicorn_open_fds",
    "gunicorn_orphaned_workers",
    "gunicorn_proportional_memory_bytes",
    "gunicorn_request_duration_seconds",
    "gunicorn_request_duration_window_seconds",
    "gunicorn_request_slots",
    "gunicorn_request_status_total",
    "gunicorn_requests_in_progress",
    "gunicorn_requests_lost_total",
    "gunicorn_requests_total",
    "gunicorn_resident_memory_bytes",
    "gunicorn_threads",
    "gunicorn_upstream_connections",
    "gunicorn_upstream_oldest_wait_seconds",
    "gunicorn_upstream_waits",
    "gunicorn_worker_connections",
    "gunicorn_worker_cpu_seconds_total",
    "gunicorn_worker_events_total",
    "gunicorn_worker_heartbeat_age_seconds",
    "gunicorn_worker_oldest_request_age_seconds",
    "gunicorn_worker_requests_in_progress",
    "gunicorn_worker_resident_memory_bytes",
    "gunicorn_worker_timeout_seconds",
    "gunicorn_workers",
    "gunicorn_workers_exited_total",
    "gunicorn_workers_spawned_total",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
};

// A histogram's and a summary's lines have names of their own, and OpenMetrics
// knows a counter without its _total.
constexpr std::string_view kSuffixes[] = {"",        "_sum",     "_count",
                                          "_bucket", "_created", "_total"};

// The name of ours that `name` or a line of it would be taken for; of the
// exporter's own series what they begin with. Empty: none.
std::string_view FindOwnName(std::string_view name) {
  if (name.starts_with(kExporters)) return kExporters;
  for (const std::string_view own : kOwnNames) {
    const std::string_view base = own.substr(0, own.rfind("_total"));
    if (!name.starts_with(base)) continue;
    for (const std::string_view suffix : kSuffixes) {
      if (name.substr(base.size()) == suffix) return own;
    }
  }
  return {};
}

constexpr std::string_view kSummarySuffixes[] = {"_sum", "_count", "_created"};

}  // namespace

bool ForeignNames::IsReserved(const std::string& name) {
  return name == "up" || name.starts_with("scrape_");
}

std::string_view ForeignNames::Conflict(const std::string& name,
                                        MetricType type) const {
  const auto same = names_.find(name);
  if (same != names_.end()) {
    if (same->second.type == type) return {};
    return same->first;
  }
  if (const auto ours = FindOwnName(name); !ours.empty()) return ours;
  for (const std::string_view suffix : kSummarySuffixes) {
    if (name.ends_with(suffix)) {
      const auto summary =
          names_.find(name.substr(0, name.size() - suffix.size()));
      if (summary != names_.end() &&
          summary->second.type == MetricType::kSummary) {
        return summary->first;
      }
    }
    if (type != MetricType::kSummary) continue;
    const auto line = names_.find(std::string(name).append(suffix));
    if (line != names_.end()) return line->first;
  }
  return {};
}

void ForeignNames::Add(const std::string& name, MetricType type) {
  Use& use = names_[name];
  use.type = type;
  ++use.label_sets;
}

void ForeignNames::Remove(const std::string& name) {
  const auto found = names_.find(name);
  if (--found->second.label_sets == 0) names_.erase(found);
}

}  // namespace gunicorn_exporter
