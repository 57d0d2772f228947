#include "collectors/series/app_series.h"

#include <algorithm>
#include <utility>

namespace gunicorn_exporter {
namespace {

// Durations are a histogram and a summary: two series.
constexpr std::size_t kDurationSeries = 2;

std::size_t BytesOf(const ForeignKey& key) {
  std::size_t bytes = key.name.size();
  for (const Label& tag : key.tags) bytes += tag.name.size() + tag.value.size();
  return bytes;
}

// What both have is one series less.
void MergePlain(PlainSeries& mine, const PlainSeries& theirs,
                SeriesShare& share, SeriesBudget& budget) {
  if (!theirs.exists) return;
  if (!mine.exists) {
    mine = theirs;
    return;
  }
  mine.value = AddFinite(mine.value, theirs.value);
  mine.updated = std::max(mine.updated, theirs.updated);
  budget.GiveBack(share, 1);
}

// A gauge is not a sum: the newer one holds.
void MergeGauge(PlainSeries& mine, const PlainSeries& theirs,
                SeriesShare& share, SeriesBudget& budget) {
  if (mine.exists && theirs.exists) budget.GiveBack(share, 1);
  if (!mine.exists || mine.updated < theirs.updated) mine = theirs;
}

void MergeSketch(std::unique_ptr<SketchSeries>& mine,
                 std::unique_ptr<SketchSeries>& theirs, std::size_t count,
                 SeriesShare& share, SeriesBudget& budget) {
  if (!theirs) return;
  if (!mine) {
    mine = std::move(theirs);
    return;
  }
  mine->sketch.Merge(theirs->sketch);
  mine->updated = std::max(mine->updated, theirs->updated);
  budget.GiveBack(share, count);
}

}  // namespace

bool AppSeries::Ensure(PlainSeries& series, const SeriesContext& context) {
  if (series.exists) return true;
  if (!context.budget.Take(share)) return false;
  series = {true, 0, context.now.unix_seconds, context.now.steady};
  return true;
}

PlainSeries* AppSeries::Status(std::uint16_t code,
                               const SeriesOptions& options) {
  if (statuses.empty()) {
    for (const std::uint16_t preset : options.preset_codes) {
      statuses.push_back({preset, {}});
    }
  }
  if (const std::size_t position = options.preset_position[code];
      position != 0) {
    return &statuses[position - 1].series;
  }
  for (std::size_t i = options.preset_codes.size(); i < statuses.size(); ++i) {
    if (statuses[i].code == code) return &statuses[i].series;
  }
  return nullptr;
}

Refusal AppSeries::Add(const Event& event, const ForeignMetric* metric,
                       const SeriesContext& context) {
  PlainSeries* series = nullptr;
  switch (event.kind) {
    case EventKind::kRequests:
      series = &requests;
      break;
    case EventKind::kStatus:
      series = Status(event.code, context.options);
      if (series == nullptr) {
        // Room first: a refused code must leave nothing behind.
        StatusSeries added{event.code, {}};
        if (!Ensure(added.series, context)) return Refusal::kLimit;
        statuses.push_back(added);
        series = &statuses.back().series;
      }
      break;
    case EventKind::kLogMessage:
      series = &messages[static_cast<std::size_t>(event.level)];
      break;
    case EventKind::kArbiterWorkers:
      if (!Ensure(arbiter_workers, context)) return Refusal::kLimit;
      arbiter_workers.value =
          event.is_delta ? AddFinite(arbiter_workers.value, event.value)
                         : event.value;
      arbiter_workers.updated = context.now.steady;
      return Refusal::kNone;
    case EventKind::kDuration:
      return AddTo(durations, context.options.sketch, kDurationSeries, event,
                   context);
    case EventKind::kBacklog:
      return AddTo(backlog, context.options.backlog_sketch, 1, event, context);
    case EventKind::kForeign:
      return AddForeign(event, *metric, context);
  }
  if (!Ensure(*series, context)) return Refusal::kLimit;
  series->value = AddFinite(series->value, event.value * event.weight);
  series->updated = context.now.steady;
  return Refusal::kNone;
}

Refusal AppSeries::AddTo(std::unique_ptr<SketchSeries>& to,
                         const SketchOptions& options, std::size_t count,
                         const Event& event, const SeriesContext& context) {
  if (!to) {
    if (!context.budget.Take(share, count)) return Refusal::kLimit;
    to = std::make_unique<SketchSeries>(SketchSeries{
        Sketch(options), context.now.unix_seconds, context.now.steady});
  }
  to->sketch.Add(event.value, event.weight, context.now.steady);
  to->updated = context.now.steady;
  return Refusal::kNone;
}

Refusal AppSeries::AddForeign(const Event& event, const ForeignMetric& metric,
                              const SeriesContext& context) {
  auto found = foreign.find(metric.key);
  if (found == foreign.end()) {
    const std::string& name = metric.key.name;
    SeriesBudget& budget = context.budget;
    if (ForeignNames::IsReserved(name)) return Refusal::kReservedName;
    if (!budget.foreign_names.Conflict(name, metric.type).empty()) {
      return Refusal::kConflict;
    }
    const std::size_t bytes = BytesOf(metric.key);
    if (!budget.HasBytes(bytes) || !budget.Take(foreign_share)) {
      return Refusal::kLimit;
    }
    budget.AddBytes(bytes);
    budget.foreign_names.Add(name, metric.type);
    ForeignSeries made{metric.type,
                       {true, 0, context.now.unix_seconds, context.now.steady},
                       nullptr};
    if (metric.type == MetricType::kSummary) {
      made.sketch = std::make_unique<Sketch>(context.options.foreign_sketch);
    }
    found = foreign.emplace(metric.key, std::move(made)).first;
  } else if (found->second.type != metric.type) {
    return Refusal::kConflict;
  }
  ForeignSeries& series = found->second;
  series.plain.updated = context.now.steady;
  if (series.sketch != nullptr) {
    series.sketch->Add(event.value, event.weight, context.now.steady);
  } else if (series.type == MetricType::kGauge && !event.is_delta) {
    series.plain.value = event.value;
  } else {
    series.plain.value =
        AddFinite(series.plain.value, event.value * event.weight);
  }
  return Refusal::kNone;
}

std::size_t AppSeries::AddPresets(const SeriesContext& context) {
  std::size_t refused = 0;
  const auto add = [&](PlainSeries& series) {
    if (!Ensure(series, context)) ++refused;
  };
  add(requests);
  for (PlainSeries& series : messages) add(series);
  for (const std::uint16_t code : context.options.preset_codes) {
    add(*Status(code, context.options));
  }
  return refused;
}

void AppSeries::RemoveOwn(SeriesBudget& budget) {
  budget.GiveBack(share, share.used);
  requests = {};
  statuses.clear();
  durations.reset();
  messages = {};
  arbiter_workers = {};
  backlog.reset();
}

AppSeries::Foreign::iterator AppSeries::RemoveForeign(Foreign::iterator series,
                                                      SeriesBudget& budget) {
  budget.GiveBack(foreign_share, 1);
  budget.GiveBackBytes(BytesOf(series->first));
  budget.foreign_names.Remove(series->first.name);
  return foreign.erase(series);
}

void AppSeries::RemoveAll(SeriesBudget& budget) {
  budget.EndReservation(share);
  RemoveOwn(budget);
  for (auto series = foreign.begin(); series != foreign.end();) {
    series = RemoveForeign(series, budget);
  }
}

void AppSeries::Expire(std::chrono::milliseconds deadline,
                       const SeriesOptions& options, SeriesBudget& budget) {
  if (durations && durations->updated < deadline) {
    durations.reset();
    budget.GiveBack(share, kDurationSeries);
  }
  if (backlog && backlog->updated < deadline) {
    backlog.reset();
    budget.GiveBack(share, 1);
  }
  budget.GiveBack(share, std::erase_if(statuses, [&](StatusSeries& status) {
                    return options.preset_position[status.code] == 0 &&
                           status.series.updated < deadline;
                  }));
  for (auto series = foreign.begin(); series != foreign.end();) {
    series = series->second.plain.updated < deadline
                 ? RemoveForeign(series, budget)
                 : std::next(series);
  }
}

void AppSeries::Adopt(const SeriesOptions& options,
                      const SeriesOptions& old_options, SeriesBudget& budget) {
  std::vector<StatusSeries> old;
  old.swap(statuses);
  for (const StatusSeries& status : old) {
    PlainSeries* const place = Status(status.code, options);
    if (place != nullptr) {
      *place = status.series;
    } else if (status.series.value != 0) {
      statuses.push_back(status);
    } else if (status.series.exists) {
      budget.GiveBack(share, 1);
    }
  }
  const bool same_buckets = options.SameBuckets(old_options);
  const bool same_window = options.sketch.window == old_options.sketch.window;
  if (durations && !same_buckets) {
    durations.reset();
    budget.GiveBack(share, kDurationSeries);
  } else if (durations && !same_window) {
    durations->sketch.SetWindow(options.sketch.window);
  }
  for (auto series = foreign.begin(); series != foreign.end();) {
    Sketch* const sketch = series->second.sketch.get();
    if (!options.exports_foreign || (sketch != nullptr && !same_buckets)) {
      series = RemoveForeign(series, budget);
      continue;
    }
    if (sketch != nullptr && !same_window) {
      sketch->SetWindow(options.sketch.window);
    }
    ++series;
  }
}

void AppSeries::MergeFrom(AppSeries& other, const SeriesOptions& options,
                          SeriesBudget& budget) {
  share.used += other.share.used;
  MergePlain(requests, other.requests, share, budget);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    MergePlain(messages[i], other.messages[i], share, budget);
  }
  MergeGauge(arbiter_workers, other.arbiter_workers, share, budget);
  for (const StatusSeries& status : other.statuses) {
    if (!status.series.exists) continue;
    PlainSeries* place = Status(status.code, options);
    if (place == nullptr) {
      statuses.push_back({status.code, {}});
      place = &statuses.back().series;
    }
    MergePlain(*place, status.series, share, budget);
  }
  MergeSketch(durations, other.durations, kDurationSeries, share, budget);
  MergeSketch(backlog, other.backlog, 1, share, budget);
  MergeForeign(other, budget);
  has_data = has_data || other.has_data;
  statsd_seen = statsd_seen || other.statsd_seen;
  request_seen = request_seen || other.request_seen;
  last_packet_seconds =
      std::max(last_packet_seconds, other.last_packet_seconds);
  last_update = std::max(last_update, other.last_update);
}

void AppSeries::MergeForeign(AppSeries& other, SeriesBudget& budget) {
  foreign_share.used += other.foreign_share.used;
  foreign.merge(other.foreign);
  // What both have stays there.
  for (auto& [key, theirs] : other.foreign) {
    ForeignSeries& mine = foreign.at(key);
    if (mine.type == MetricType::kGauge) {
      MergeGauge(mine.plain, theirs.plain, foreign_share, budget);
    } else {
      MergePlain(mine.plain, theirs.plain, foreign_share, budget);
    }
    if (mine.sketch != nullptr) mine.sketch->Merge(*theirs.sketch);
    budget.GiveBackBytes(BytesOf(key));
    budget.foreign_names.Remove(key.name);
  }
}

}  // namespace gunicorn_exporter
