#include "exporter/status/status_view.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <tuple>
#include <utility>

namespace gunicorn_exporter {
namespace {

void Add(std::optional<double>& sum, double value) {
  sum = sum.value_or(0) + value;
}

void ReadSummary(StatusView& app, const Series& series) {
  if (series.summary == nullptr) return;
  for (const auto& [quantile, value] : series.summary->quantiles) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof(text), quantile).ptr;
    app.quantiles[std::string(text, end)] = value;
  }
  app.duration_count = series.summary->count;
  app.duration_sum = series.summary->sum;
}

// What a series of one family adds to its app.
struct FamilyRule {
  std::string_view family;
  void (*read)(StatusView& app, const Series& series);
};

constexpr FamilyRule kRules[] = {
    {"gunicorn_app_info",
     [](StatusView& a, const Series& s) {
       a.version = LabelValue(s, "version");
     }},
    {"gunicorn_requests_total",
     [](StatusView& a, const Series& s) { Add(a.requests, s.value); }},
    {"gunicorn_request_status_total",
     [](StatusView& a, const Series& s) {
       a.status_codes[LabelValue(s, "code")] += s.value;
     }},
    {"gunicorn_log_messages_total",
     [](StatusView& a, const Series& s) {
       a.log_messages[LabelValue(s, "level")] += s.value;
     }},
    {"gunicorn_request_duration_window_seconds", ReadSummary},
    {"gunicorn_listen_queue_length",
     [](StatusView& a, const Series& s) {
       Add(a.queues[LabelValue(s, "address")].length, s.value);
     }},
    {"gunicorn_listen_queue_limit",
     [](StatusView& a, const Series& s) {
       Add(a.queues[LabelValue(s, "address")].limit, s.value);
     }},
    {"gunicorn_upstream_connections",
     [](StatusView& a, const Series& s) {
       a.upstreams[LabelValue(s, "peer")].connections = s.value;
     }},
    {"gunicorn_upstream_waits",
     [](StatusView& a, const Series& s) {
       a.upstreams[LabelValue(s, "peer")].waits = s.value;
     }},
    {"gunicorn_upstream_oldest_wait_seconds",
     [](StatusView& a, const Series& s) {
       a.upstreams[LabelValue(s, "peer")].oldest_wait_seconds = s.value;
     }},
    {"gunicorn_listen_overflows_total",
     [](StatusView& a, const Series& s) { Add(a.listen_overflows, s.value); }},
    {"gunicorn_connections",
     [](StatusView& a, const Series& s) { Add(a.connections, s.value); }},
    {"gunicorn_workers",
     [](StatusView& a, const Series& s) {
       if (LabelValue(s, "state") == "working") a.working = s.value;
     }},
    {"gunicorn_requests_in_progress",
     [](StatusView& a, const Series& s) { a.requests_in_progress = s.value; }},
    {"gunicorn_oldest_request_age_seconds",
     [](StatusView& a, const Series& s) {
       a.oldest_request_seconds = s.value;
     }},
    {"gunicorn_requests_lost_total",
     [](StatusView& a, const Series& s) { a.requests_lost = s.value; }},
    {"gunicorn_dirty_workers",
     [](StatusView& a, const Series& s) { Add(a.dirty_workers, s.value); }},
    {"gunicorn_cpu_seconds_total",
     [](StatusView& a, const Series& s) { Add(a.cpu_seconds, s.value); }},
    {"gunicorn_resident_memory_bytes",
     [](StatusView& a, const Series& s) { Add(a.resident_bytes, s.value); }},
    {"gunicorn_master_start_time_seconds",
     [](StatusView& a, const Series& s) { a.master_start_seconds = s.value; }},
    {"gunicorn_worker_heartbeat_age_seconds",
     [](StatusView& a, const Series& s) { a.heartbeat_age_seconds = s.value; }},
};

AppId IdOf(const Series& series) {
  return {LabelValue(series, "app"), LabelValue(series, "pod_uid"),
          LabelValue(series, "container_id")};
}

std::vector<Label> TagsOf(const LabelSetPtr& common) {
  std::vector<Label> tags;
  if (common == nullptr) return tags;
  for (const Label& label : common->labels()) {
    if (label.name != "app" && label.name != "pod_uid" &&
        label.name != "container_id") {
      tags.push_back(label);
    }
  }
  return tags;
}

// Finds each series' app, and makes one for an app that only series know.
class Views {
 public:
  explicit Views(const KnownApps& known)
      : where_it_runs_(known.trouble.empty() && !known.others_are_hidden
                           ? "no gunicorn of this name runs here"
                           : "whether it runs here is not known") {
    for (const AppStatus& status : known.apps) {
      views_[status.app].status = status;
    }
  }

  StatusView* Of(const Series& series) {
    // The series of an app share their labels: one look-up for all of them.
    if (series.common != nullptr && series.common == last_common_) {
      return last_;
    }
    const AppId id = IdOf(series);
    if (id.name.empty()) return nullptr;
    last_common_ = series.common;
    last_ = &Find(id);
    if (last_->tags.empty()) last_->tags = TagsOf(series.common);
    return last_;
  }

  // This series tells an app's name alone.
  void ReadLastPacket(const Series& series) {
    std::vector<StatusView*> named = Named(LabelValue(series, "app"));
    if (named.empty()) named.push_back(Of(series));
    for (StatusView* const app : named) {
      if (app != nullptr) app->last_packet_seconds = series.value;
    }
  }

  StatusViews Take() && { return std::move(views_); }

 private:
  StatusView& Find(const AppId& id) {
    const auto found = views_.find(id);
    if (found != views_.end()) return found->second;
    std::vector<StatusView*> containers;
    if (id.container_id.empty()) containers = Named(id.name);
    // A series without the container's labels, of the one that has them.
    if (containers.size() == 1) {
      containers.front()->holds_shared_counts = true;
      return *containers.front();
    }
    for (StatusView* const container : containers) {
      container->has_lines_elsewhere = true;
    }
    StatusView& app = views_[id];
    app.running_here = false;
    app.holds_shared_counts = !containers.empty();
    app.status.app = id;
    app.status.message =
        "known from its StatsD lines: " +
        (containers.empty()
             ? where_it_runs_
             : "which of the containers of this name sent them is not known");
    return app;
  }

  std::vector<StatusView*> Named(const std::string& name) {
    std::vector<StatusView*> named;
    for (auto view = views_.lower_bound({name, "", ""});
         view != views_.end() && view->first.name == name; ++view) {
      named.push_back(&view->second);
    }
    return named;
  }

  const std::string where_it_runs_;  // Of an app that only series know.
  StatusViews views_;
  LabelSetPtr last_common_;
  StatusView* last_ = nullptr;
};

}  // namespace

std::optional<double> QuantileOf(const StatusView& app,
                                 const std::string& quantile) {
  const auto found = app.quantiles.find(quantile);
  if (found == app.quantiles.end()) return std::nullopt;
  return found->second;
}

std::optional<double> AnswersOf(const StatusView& app) {
  std::optional<double> answers;
  for (const auto& [code, count] : app.status_codes) Add(answers, count);
  return answers;
}

std::optional<double> ErrorsOf(const StatusView& app) {
  if (app.status_codes.empty()) return std::nullopt;
  double errors = 0;
  for (const auto& [code, count] : app.status_codes) {
    if (code.starts_with('5')) errors += count;
  }
  return errors;
}

QueueView SumOfQueues(const StatusView& app) {
  QueueView sum;
  for (const auto& [address, queue] : app.queues) {
    if (queue.length) Add(sum.length, *queue.length);
    if (queue.limit) Add(sum.limit, *queue.limit);
  }
  return sum;
}

bool HasFullQueue(const StatusView& app) {
  return std::any_of(app.queues.begin(), app.queues.end(),
                     [](const auto& entry) {
                       const QueueView& queue = entry.second;
                       return queue.length && queue.limit.value_or(0) > 0 &&
                              *queue.length >= *queue.limit;
                     });
}

std::string LabelValue(const Series& series, std::string_view name) {
  for (const LabelSetPtr& labels : {series.common, series.own}) {
    if (labels == nullptr) continue;
    for (const Label& label : labels->labels()) {
      if (label.name == name) return label.value;
    }
  }
  return {};
}

std::map<std::string, double> SumBy(const std::vector<MetricFamily>& families,
                                    std::string_view name,
                                    std::string_view label) {
  std::map<std::string, double> sums;
  for (const MetricFamily& family : families) {
    if (family.name != name) continue;
    for (const Series& series : family.series) {
      sums[LabelValue(series, label)] += series.value;
    }
  }
  return sums;
}

StatusViews ViewApps(const std::vector<MetricFamily>& families,
                     const KnownApps& known) {
  Views views(known);
  for (const MetricFamily& family : families) {
    if (family.name ==
        "gunicorn_exporter_statsd_last_packet_timestamp_seconds") {
      for (const Series& series : family.series) views.ReadLastPacket(series);
      continue;
    }
    const auto* const rule = std::find_if(
        std::begin(kRules), std::end(kRules),
        [&](const FamilyRule& one) { return one.family == family.name; });
    if (rule == std::end(kRules)) continue;
    for (const Series& series : family.series) {
      if (StatusView* const app = views.Of(series); app != nullptr) {
        rule->read(*app, series);
      }
    }
  }
  return std::move(views).Take();
}

}  // namespace gunicorn_exporter
