// The part of the store that changes with what is known: the apps, and the
// configuration.
#include <algorithm>
#include <utility>

#include "collectors/app_labels.h"
#include "collectors/series/metric_store.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

// Four levels, requests, durations (two), arbiter's workers, backlog, and some
// codes beside the presets.
constexpr std::size_t kReservedBesidePresets = 17;

}  // namespace

void MetricStore::SetLimits() {
  budget_.SetLimits(config_.statsd.max_series,
                    options_->preset_codes.size() + kReservedBesidePresets);
}

void MetricStore::PublishNaming() {
  auto naming = std::make_shared<const Naming>(
      MakeNaming(config_, {known_.begin(), known_.end()}));
  const std::lock_guard<std::mutex> lock(naming_mutex_);
  naming_ = std::move(naming);
  ++naming_version_;
}

void MetricStore::SetKnownApps(std::vector<AppId> apps) {
  const TimePoint now = time_source_();
  const StoreMutex::WriterLock lock(mutex_);
  std::set<AppId> known;
  for (AppId& app : apps) {
    known.insert(Normalised({std::move(app), {}}).app);
  }
  for (const AppId& app : known_) {
    const auto found = apps_.find(ToText({app, {}}));
    if (found == apps_.end() || known.contains(app)) continue;
    budget_.EndReservation(found->second->share);
  }
  known_ = std::move(known);
  EraseIf([&](const AppSeries& series) {
    return series.base == nullptr && !series.has_data &&
           !known_.contains(series.key.app);
  });
  for (const AppId& app : known_) {
    const auto found = apps_.find(ToText({app, {}}));
    AppSeries& series =
        found != apps_.end()
            ? *found->second
            : Insert(std::make_unique<AppSeries>(SeriesKey{app, {}}));
    budget_.Reserve(series.share);
  }
  MakeRoom();
  // Apps that only lines have made known, too: a reload may have added a code.
  for (const auto& [text, series] : apps_) {
    if (series->base == nullptr) AddPresets(*series, now);
  }
  PublishNaming();
}

void MetricStore::AddPresets(AppSeries& app, const TimePoint& now) {
  const std::size_t refused = app.AddPresets(now, *options_, budget_);
  if (refused == 0 || app.presets_refused) return;
  app.presets_refused = true;
  refused_ += refused;
  // Of strangers there may be very many.
  if (!app.share.reserved) return;
  LogEvent(LogLevel::kWarn, "series_refused",
           {{"app", app.key.app.name},
            {"series", std::to_string(refused)},
            {"reason", "statsd.max_series leaves no room for all of them"}});
}

// Lets the longest silent apps that nobody knows go, then the longest silent
// foreign series, where known apps need their room.
void MetricStore::MakeRoom() {
  if (budget_.Overbooked() == 0) return;
  std::vector<const AppSeries*> strangers;
  for (const auto& [text, series] : apps_) {
    if (!series->share.reserved) strangers.push_back(series.get());
  }
  std::sort(strangers.begin(), strangers.end(),
            [](const AppSeries* left, const AppSeries* right) {
              return left->last_update < right->last_update;
            });
  std::set<const AppSeries*> evicted;
  std::size_t freed = 0;
  for (const AppSeries* series : strangers) {
    if (freed >= budget_.Overbooked()) break;
    freed += series->share.used;
    evicted.insert(series);
  }
  const std::size_t before = budget_.used();
  EraseIf([&](const AppSeries& series) { return evicted.contains(&series); });
  foreign_.EraseLongestSilent(budget_.Overbooked(), budget_);
  if (budget_.used() == before) return;
  refused_ += before - budget_.used();
  if (!warned_evicted_) {
    warned_evicted_ = true;
    LogEvent(LogLevel::kWarn, "series_evicted",
             {{"series", std::to_string(before - budget_.used())},
              {"reason", "statsd.max_series leaves no room for a known app"}});
  }
}

void MetricStore::Reconfigure(const Config& config) {
  const StoreMutex::WriterLock lock(mutex_);
  std::set<std::string> dropped;
  for (const InstanceConfig& instance : config_.instances) {
    dropped.insert(instance.proc_name);
  }
  for (const InstanceConfig& instance : config.instances) {
    dropped.erase(instance.proc_name);
  }
  EraseIf([&](const AppSeries& series) {
    return dropped.contains(series.key.app.name);
  });
  log_refs_.clear();
  std::erase_if(known_,
                [&](const AppId& app) { return dropped.contains(app.name); });

  const bool tags_changed =
      config.statsd.tag_labels != config_.statsd.tag_labels;
  const bool foreign_changed =
      tags_changed || config.process.pod_labels != config_.process.pod_labels ||
      config.statsd.quantile_window != config_.statsd.quantile_window ||
      config.statsd.unmatched != UnmatchedLines::kExport;
  const auto old_options = options_;
  options_ = MakeSeriesOptions(config.statsd);
  config_ = config;
  if (!options_->SameBuckets(*old_options)) {
    LogEvent(LogLevel::kInfo, "durations_restarted",
             {{"reason", "the reload changed the histograms' buckets"}});
  }
  for (const auto& [text, series] : apps_) {
    budget_.EndReservation(series->share);
    series->Adopt(*options_, *old_options, budget_);
  }
  SetLimits();
  Rekey(tags_changed);
  ReconfigureForeign(dropped, foreign_changed);
  std::set<AppId> known;
  for (const AppId& app : known_) known.insert(Normalised({app, {}}).app);
  known_ = std::move(known);
  for (const AppId& app : known_) {
    const auto found = apps_.find(ToText({app, {}}));
    if (found != apps_.end()) budget_.Reserve(found->second->share);
  }
  ++epoch_;
  PublishNaming();
}

void MetricStore::ReconfigureForeign(const std::set<std::string>& dropped,
                                     bool clear) {
  foreign_.EraseIf(
      [&](const SeriesKey& key, std::chrono::milliseconds) {
        return clear || dropped.contains(key.app.name);
      },
      budget_);
  foreign_.Relabel([this](const SeriesKey& key) { return MakeLabelsOf(key); });
}

// Gives every series the key and the labels of the configuration that holds
// now; those that become one are added up.
void MetricStore::Rekey(bool drop_tags) {
  Apps old;
  old.swap(apps_);
  label_bytes_ = 0;
  for (auto& [text, series] : old) {
    series->key = Normalised(std::move(series->key));
    if (drop_tags) series->key.tags.clear();
    series->base = nullptr;
    const auto found = apps_.find(ToText(series->key));
    if (found != apps_.end()) {
      found->second->MergeFrom(*series, *options_, budget_);
    } else {
      Insert(std::move(series));
    }
  }
  std::vector<AppSeries*> tagged;
  for (const auto& [text, series] : apps_) {
    if (!series->key.tags.empty()) tagged.push_back(series.get());
  }
  const TimePoint now = time_source_();
  for (AppSeries* const series : tagged) {
    const auto base = apps_.find(ToText({series->key.app, {}}));
    series->base = base != apps_.end() ? base->second.get()
                                       : &CreateBase(series->key, now);
  }
}

SeriesKey MetricStore::Normalised(SeriesKey key) const {
  if (!config_.process.pod_labels) {
    key.app.pod_uid.clear();
    key.app.container_id.clear();
  }
  return key;
}

LabelSetPtr MetricStore::MakeLabelsOf(const SeriesKey& key) const {
  LabelSetPtr app_labels = MakeAppLabels(key.app, config_);
  if (key.tags.empty()) return app_labels;
  std::vector<Label> labels = app_labels->labels();
  for (const Label& tag : key.tags) {
    // An instance's own tag of that name stays.
    std::string name = tag.name;
    while (std::any_of(labels.begin(), labels.end(), [&](const Label& label) {
      return label.name == name;
    })) {
      name.insert(0, "tag_");
    }
    labels.push_back({std::move(name), tag.value});
  }
  return MakeLabels(std::move(labels));
}

}  // namespace gunicorn_exporter
