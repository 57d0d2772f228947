#include "collectors/statsd/lines/foreign_name.h"

#include <algorithm>
#include <iterator>

#include "config/tag_label.h"

namespace gunicorn_exporter {
namespace {

// Every family that a scrape may have beside the foreign ones.
constexpr std::string_view kOwnPrefixes[] = {"gunicorn_exporter_", "process_"};
constexpr std::string_view kOwnNames[] = {
    "gunicorn_app_info",
    "gunicorn_arbiter_workers",
    "gunicorn_backlog_connections",
    "gunicorn_connections",
    "gunicorn_cpu_seconds_total",
    "gunicorn_dirty_workers",
    "gunicorn_is_running",
    "gunicorn_listen_overflows_total",
    "gunicorn_listen_queue_length",
    "gunicorn_listen_queue_limit",
    "gunicorn_log_lines_total",
    "gunicorn_log_messages_total",
    "gunicorn_master_start_time_seconds",
    "gunicorn_masters",
    "gunicorn_open_fds",
    "gunicorn_proportional_memory_bytes",
    "gunicorn_request_duration_seconds",
    "gunicorn_request_duration_window_seconds",
    "gunicorn_request_status_total",
    "gunicorn_requests_total",
    "gunicorn_resident_memory_bytes",
    "gunicorn_threads",
    "gunicorn_worker_connections",
    "gunicorn_worker_cpu_seconds_total",
    "gunicorn_worker_events_total",
    "gunicorn_worker_heartbeat_age_seconds",
    "gunicorn_worker_resident_memory_bytes",
    "gunicorn_workers",
    "gunicorn_workers_exited_total",
    "gunicorn_workers_spawned_total",
};

// A metric's name may have colons.
void AppendPart(std::string_view part, std::string& out) {
  AppendNamePart(part, ":", out);
}

}  // namespace

void MakeForeignName(std::string_view name, std::string& out) {
  out.clear();
  const std::size_t open = name.find('[');
  const std::size_t close = name.find(']');
  if (open == std::string_view::npos && close == std::string_view::npos) {
    AppendPart(name.substr(0, name.find_first_of(",#")), out);
  } else if (open < close && close != std::string_view::npos) {
    AppendPart(name.substr(0, open), out);
    AppendPart(name.substr(close + 1), out);
  } else {
    AppendPart(name, out);
  }
}

bool IsOwnName(std::string_view name) {
  for (const std::string_view prefix : kOwnPrefixes) {
    if (name.starts_with(prefix)) return true;
  }
  // A histogram's and a summary's lines have names of their own, and
  // OpenMetrics knows a counter without its _total.
  for (const std::string_view own : kOwnNames) {
    if (!name.starts_with(own.substr(0, own.rfind("_total")))) continue;
    if (own == name) return true;
    for (const std::string_view suffix :
         {"_sum", "_count", "_bucket", "_created", "_total", ""}) {
      std::string_view base = own;
      if (base.ends_with("_total")) base.remove_suffix(6);
      if (name.size() == base.size() + suffix.size() &&
          name.ends_with(suffix)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace gunicorn_exporter
