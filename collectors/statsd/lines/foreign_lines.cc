#include "collectors/statsd/lines/foreign_lines.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "collectors/statsd/lines/translate.h"
#include "config/tag_label.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostRefs = 16384;
constexpr std::size_t kMostKeyBytes = 4U << 20U;

MetricType TypeOf(SampleType type) {
  if (type == SampleType::kCounter) return MetricType::kCounter;
  if (type == SampleType::kGauge) return MetricType::kGauge;
  return MetricType::kSummary;
}

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

bool ForeignLines::IsFull() const {
  return refs_.size() > kMostRefs || refs_.key_bytes() > kMostKeyBytes;
}

SeriesRef& ForeignLines::Resolve(MetricType type, const SeriesKey& key) {
  constexpr char kPart = '\xFF';  // Not in UTF-8.
  text_ = static_cast<char>(type);
  for (const std::string* const part :
       {&std::as_const(name_), &key.app.name, &key.app.pod_uid,
        &key.app.container_id}) {
    text_ += *part;
    text_ += kPart;
  }
  for (const Label& tag : key.tags) {
    text_ += tag.name;
    text_ += kPart;
    text_ += tag.value;
    text_ += kPart;
  }
  SeriesRef* const known = refs_.Find(text_);
  if (known != nullptr) return *known;
  SeriesRef made{key};
  made.foreign =
      std::make_unique<const ForeignMetric>(ForeignMetric{name_, type});
  return refs_.Insert(text_, std::move(made));
}

LineVerdict ForeignLines::Take(const Sample& sample, const SeriesKey& key,
                               std::vector<StoreOp>& ops) {
  MakeForeignName(sample.name, name_);
  if (name_.empty()) return LineVerdict::kMissingName;
  if (IsOwnName(name_)) return LineVerdict::kUnmatched;
  if (sample.type != SampleType::kGauge && HasNegative(sample)) {
    return LineVerdict::kBadValue;
  }
  StoreOp op;
  op.ref = &Resolve(TypeOf(sample.type), key);
  op.event.kind = EventKind::kForeign;
  op.event.weight = sample.weight;
  constexpr double kMillisecondsInASecond = 1000;
  const double unit =
      sample.type == SampleType::kTimer ? kMillisecondsInASecond : 1;
  SampleValue value = sample.first;
  std::string_view others = sample.others;
  do {
    op.event.value = value.value / unit;
    op.event.is_delta = value.has_sign;
    ops.push_back(op);
    op.begins_line = false;
  } while (TakeValue(others, value));
  return LineVerdict::kAccepted;
}

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
