#include "collectors/series/app_series.h"

#include <algorithm>
#include <utility>

namespace gunicorn_exporter {
namespace {

// Durations are a histogram and a summary: two series.
constexpr std::size_t kDurationSeries = 2;

std::size_t Existing(const PlainSeries& series) { return series.exists; }

}  // namespace

const std::shared_ptr<const std::vector<double>>& BacklogBounds() {
  static const auto bounds = [] {
    std::vector<double> made = {0};
    for (double bound = 1; made.size() < kBacklogBounds; bound *= 2) {
      made.push_back(bound);
    }
    return std::make_shared<const std::vector<double>>(std::move(made));
  }();
  return bounds;
}

bool AppSeries::Ensure(PlainSeries& series, const TimePoint& now,
                       SeriesBudget& budget) {
  if (series.exists) return true;
  if (!budget.Take(share)) return false;
  series.exists = true;
  series.value = 0;
  series.created_seconds = now.unix_seconds;
  series.updated = now.steady;
  return true;
}

void AppSeries::Remove(PlainSeries& series, SeriesBudget& budget) {
  if (!series.exists) return;
  series = PlainSeries();
  budget.GiveBack(share, 1);
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

bool AppSeries::Add(const Event& event, const TimePoint& now,
                    const SeriesOptions& options, SeriesBudget& budget) {
  PlainSeries* series = nullptr;
  switch (event.kind) {
    case EventKind::kRequests:
      series = &requests;
      break;
    case EventKind::kStatus:
      series = Status(event.code, options);
      if (series == nullptr) {
        // Room first: a refused code must leave nothing behind.
        StatusSeries added{event.code, {}};
        if (!Ensure(added.series, now, budget)) return false;
        statuses.push_back(added);
        series = &statuses.back().series;
      }
      break;
    case EventKind::kLogMessage:
      series = &messages[static_cast<std::size_t>(event.level)];
      break;
    case EventKind::kArbiterWorkers:
      if (!Ensure(arbiter_workers, now, budget)) return false;
      arbiter_workers.value =
          event.is_delta ? AddFinite(arbiter_workers.value, event.value)
                         : event.value;
      arbiter_workers.updated = now.steady;
      return true;
    case EventKind::kDuration:
      return AddDuration(event, now, options, budget);
    case EventKind::kBacklog:
      return AddBacklog(event, now, budget);
  }
  if (!Ensure(*series, now, budget)) return false;
  series->value = AddFinite(series->value, event.value * event.weight);
  series->updated = now.steady;
  return true;
}

bool AppSeries::AddDuration(const Event& event, const TimePoint& now,
                            const SeriesOptions& options,
                            SeriesBudget& budget) {
  if (!durations) {
    if (!budget.Take(share)) return false;
    if (!budget.Take(share)) {
      budget.GiveBack(share, 1);
      return false;
    }
    durations.emplace(
        DurationSeries{Sketch(options.sketch), now.unix_seconds, now.steady});
  }
  durations->sketch.Add(event.value, event.weight, now.steady);
  durations->updated = now.steady;
  return true;
}

bool AppSeries::AddBacklog(const Event& event, const TimePoint& now,
                           SeriesBudget& budget) {
  if (!backlog) {
    if (!budget.Take(share)) return false;
    backlog.emplace();
    backlog->created_seconds = now.unix_seconds;
  }
  const std::vector<double>& bounds = *BacklogBounds();
  const auto bound =
      std::lower_bound(bounds.begin(), bounds.end(), event.value);
  if (bound != bounds.end()) {
    backlog->buckets[static_cast<std::size_t>(bound - bounds.begin())] +=
        event.weight;
  }
  backlog->count = AddFinite(backlog->count, event.weight);
  backlog->sum = AddFinite(backlog->sum, event.value * event.weight);
  backlog->updated = now.steady;
  return true;
}

std::size_t AppSeries::AddPresets(const TimePoint& now,
                                  const SeriesOptions& options,
                                  SeriesBudget& budget) {
  std::size_t refused = 0;
  const auto add = [&](PlainSeries& series) {
    if (!Ensure(series, now, budget)) ++refused;
  };
  add(requests);
  for (PlainSeries& series : messages) add(series);
  for (const std::uint16_t code : options.preset_codes) {
    add(*Status(code, options));
  }
  return refused;
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
  std::erase_if(statuses, [&](StatusSeries& status) {
    if (options.preset_position[status.code] != 0 ||
        status.series.updated >= deadline) {
      return false;
    }
    Remove(status.series, budget);
    return true;
  });
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
    } else {
      budget.GiveBack(share, Existing(status.series));
    }
  }
  if (!durations) return;
  if (!options.SameBuckets(old_options)) {
    durations.reset();
    budget.GiveBack(share, kDurationSeries);
  } else if (options.sketch.window != old_options.sketch.window) {
    durations->sketch.SetWindow(options.sketch.window);
  }
}

void AppSeries::MergeFrom(AppSeries& other, const SeriesOptions& options,
                          SeriesBudget& budget) {
  // Its room becomes free first, so that this one has it.
  other.GiveBackAll(budget);
  const auto merge = [&](PlainSeries& mine, const PlainSeries& theirs) {
    const TimePoint created{theirs.updated, theirs.created_seconds};
    if (!theirs.exists || !Ensure(mine, created, budget)) return;
    mine.value = AddFinite(mine.value, theirs.value);
    mine.updated = std::max(mine.updated, theirs.updated);
  };
  merge(requests, other.requests);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    merge(messages[i], other.messages[i]);
  }
  // A gauge is not a sum: the newer one holds.
  if (other.arbiter_workers.exists &&
      (!arbiter_workers.exists ||
       arbiter_workers.updated < other.arbiter_workers.updated) &&
      (arbiter_workers.exists || budget.Take(share))) {
    arbiter_workers = other.arbiter_workers;
  }
  for (const StatusSeries& status : other.statuses) {
    if (!status.series.exists) continue;
    PlainSeries* place = Status(status.code, options);
    if (place == nullptr) {
      statuses.push_back({status.code, {}});
      place = &statuses.back().series;
    }
    merge(*place, status.series);
  }
  MergeHistograms(other, budget);
  has_data = has_data || other.has_data;
  statsd_seen = statsd_seen || other.statsd_seen;
  last_packet_seconds =
      std::max(last_packet_seconds, other.last_packet_seconds);
  last_update = std::max(last_update, other.last_update);
}

void AppSeries::MergeHistograms(const AppSeries& other, SeriesBudget& budget) {
  if (other.durations) {
    if (durations) {
      durations->sketch.Merge(other.durations->sketch);
      durations->updated =
          std::max(durations->updated, other.durations->updated);
    } else if (budget.Take(share)) {
      if (budget.Take(share)) {
        durations = other.durations;
      } else {
        budget.GiveBack(share, 1);
      }
    }
  }
  if (!other.backlog) return;
  if (!backlog) {
    if (!budget.Take(share)) return;
    backlog = other.backlog;
    return;
  }
  for (std::size_t i = 0; i < kBacklogBounds; ++i) {
    backlog->buckets[i] += other.backlog->buckets[i];
  }
  backlog->count = AddFinite(backlog->count, other.backlog->count);
  backlog->sum = AddFinite(backlog->sum, other.backlog->sum);
  backlog->updated = std::max(backlog->updated, other.backlog->updated);
}

void AppSeries::GiveBackAll(SeriesBudget& budget) {
  budget.EndReservation(share);
  budget.GiveBack(share, share.used);
}

}  // namespace gunicorn_exporter
