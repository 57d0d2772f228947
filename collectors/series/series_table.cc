#include "collectors/series/series_table.h"

#include <algorithm>

#include "collectors/app_labels.h"
#include "config/base/log.h"
#include "config/tag_label.h"

namespace gunicorn_exporter {
namespace {

// Four levels, requests, durations (two), arbiter's workers, backlog, and some
// codes beside the presets.
constexpr std::size_t kReservedBesidePresets = 17;
constexpr std::size_t kMostToldConflicts = 100;

std::size_t BytesOf(const SeriesKey& key) {
  std::size_t bytes = key.app.name.size() + key.app.pod_uid.size() +
                      key.app.container_id.size();
  for (const Label& tag : key.tags) bytes += tag.name.size() + tag.value.size();
  return bytes;
}

}  // namespace

SeriesTable::SeriesTable(const Config& config)
    : config_(config),
      options_(std::make_shared<const SeriesOptions>(config.statsd)) {
  SetLimits();
}

void SeriesTable::SetLimits() {
  budget_.SetLimits(config_.statsd.max_series,
                    options_->preset_codes.size() + kReservedBesidePresets);
}

// The event's own series first: where there is no room for it, nothing is made
// known.
Refusal SeriesTable::ResolveAndAdd(SeriesRef& ref, const Event& event,
                                   const SeriesContext& context) {
  SeriesKey key = Normalised(ref.key);
  ref.epoch = epoch_;
  const auto found = label_sets_.find(key);
  if (found != label_sets_.end()) {
    ref.series = &found->second;
    return ref.series->Add(event, ref.foreign.get(), context);
  }
  ref.series = nullptr;
  if (!budget_.HasBytes(BytesOf(key))) return Refusal::kLimit;
  AppSeries series;
  const Refusal refusal = series.Add(event, ref.foreign.get(), context);
  if (refusal != Refusal::kNone) return refusal;
  if (!key.tags.empty()) series.base = &FindOrInsert(key.app);
  ref.series = &Insert(std::move(key), std::move(series));
  return Refusal::kNone;
}

AppSeries& SeriesTable::FindOrInsert(const AppId& app) {
  const auto found = label_sets_.find({app, {}});
  return found != label_sets_.end() ? found->second : Insert({app, {}}, {});
}

AppSeries& SeriesTable::Insert(SeriesKey key, AppSeries series) {
  series.labels = MakeLabelsOf(key);
  budget_.AddBytes(BytesOf(key));
  return label_sets_.emplace(std::move(key), std::move(series)).first->second;
}

template <typename IsGone>
void SeriesTable::EraseIf(IsGone is_gone) {
  // An app takes its tagged label sets, which follow it, with it.
  bool app_is_gone = false;
  const std::size_t before = label_sets_.size();
  for (auto entry = label_sets_.begin(); entry != label_sets_.end();) {
    auto& [key, series] = *entry;
    if (key.tags.empty()) app_is_gone = is_gone(key, series);
    if (!app_is_gone && (key.tags.empty() || !is_gone(key, series))) {
      ++entry;
      continue;
    }
    series.RemoveAll(budget_);
    budget_.GiveBackBytes(BytesOf(key));
    entry = label_sets_.erase(entry);
  }
  if (label_sets_.size() != before) ++epoch_;
}

void SeriesTable::SetKnownApps(std::vector<AppId> apps, const TimePoint& now) {
  EndReservations();
  known_apps_ = std::move(apps);
  for (AppId& app : known_apps_) {
    app = Normalised({std::move(app), {}}).app;
    budget_.Reserve(FindOrInsert(app).share);
  }
  EraseIf([&](const SeriesKey& key, AppSeries& series) {
    if (!key.tags.empty() || series.IsKnown()) {
      return false;
    }
    series.RemoveOwn(budget_);
    return series.foreign.empty();
  });
  MakeRoom();
  // Apps that only lines have made known, too: a reload may have added a code.
  for (auto& [key, series] : label_sets_) {
    if (key.tags.empty() && series.IsKnown()) {
      AddPresets(key.app.name, series, Context(now));
    }
  }
}

void SeriesTable::EndArbiters(const std::vector<AppId>& apps) {
  for (const AppId& app : apps) {
    for (auto entry = label_sets_.lower_bound({app, {}});
         entry != label_sets_.end() && entry->first.app == app; ++entry) {
      AppSeries& series = entry->second;
      if (!std::exchange(series.arbiter_workers, {}).exists) continue;
      budget_.GiveBack(series.share, 1);
    }
  }
}

void SeriesTable::EndReservations() {
  for (auto& [key, series] : label_sets_) budget_.EndReservation(series.share);
}

void SeriesTable::AddPresets(const std::string& app_name, AppSeries& app,
                             const SeriesContext& context) {
  const std::size_t refused = app.AddPresets(context);
  if (refused == 0 || app.presets_refused) return;
  app.presets_refused = true;
  refused_[static_cast<std::size_t>(Refusal::kLimit)] += refused;
  // Of strangers there may be very many.
  if (!app.share.reserved) return;
  LogEvent(LogLevel::kWarn, "series_refused",
           {{"app", app_name},
            {"series", std::to_string(refused)},
            {"reason", "statsd.max_series leaves no room for all of them"}});
}

void SeriesTable::CountRefused(Refusal refusal, const SeriesRef& ref) {
  ++refused_[static_cast<std::size_t>(refusal)];
  if (refusal != Refusal::kConflict ||
      told_conflicts_.size() == kMostToldConflicts) {
    return;
  }
  const std::string& name = ref.foreign->key.name;
  if (told_conflicts_.contains(name)) return;
  const std::string_view other =
      budget_.foreign_names.Conflict(name, ref.foreign->type);
  if (other.empty()) return;
  told_conflicts_.insert(name);
  LogEvent(LogLevel::kWarn, "series_refused",
           {{"name", name},
            {"conflicts_with", std::string(other)},
            {"reason",
             "a name has one type, and the names of its samples are its own"}});
}

// Lets the longest silent label sets go that are no known app's, then the
// longest silent foreign series, where known apps need their room.
void SeriesTable::MakeRoom() {
  if (budget_.Overbooked() == 0) return;
  std::vector<const AppSeries*> strangers;
  for (auto& [key, series] : label_sets_) {
    const bool is_foreign_alone = series.share.used == 0;
    if (!series.app().share.reserved && !is_foreign_alone) {
      strangers.push_back(&series);
    }
  }
  std::sort(strangers.begin(), strangers.end(),
            [](const AppSeries* left, const AppSeries* right) {
              return left->last_update < right->last_update;
            });
  std::set<const AppSeries*> evicted;
  std::size_t freed = 0;
  for (const AppSeries* series : strangers) {
    if (freed >= budget_.Overbooked()) break;
    freed += series->share.used + series->foreign_share.used;
    evicted.insert(series);
  }
  const std::size_t before = budget_.used();
  EraseIf([&](const SeriesKey&, const AppSeries& series) {
    return evicted.contains(&series);
  });
  RemoveLongestSilentForeign(budget_.Overbooked());
  const std::size_t gone = before - budget_.used();
  if (gone == 0) return;
  refused_[static_cast<std::size_t>(Refusal::kLimit)] += gone;
  if (std::exchange(warned_evicted_, true)) return;
  LogEvent(LogLevel::kWarn, "series_evicted",
           {{"series", std::to_string(gone)},
            {"reason", "statsd.max_series leaves no room for a known app"}});
}

void SeriesTable::RemoveLongestSilentForeign(std::size_t count) {
  std::vector<std::pair<AppSeries*, AppSeries::Foreign::iterator>> all;
  for (auto& [key, series] : label_sets_) {
    for (auto one = series.foreign.begin(); one != series.foreign.end();
         ++one) {
      all.emplace_back(&series, one);
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& left, const auto& right) {
    return left.second->second.plain.updated <
           right.second->second.plain.updated;
  });
  all.resize(std::min(count, all.size()));
  for (const auto& [series, one] : all) series->RemoveForeign(one, budget_);
}

void SeriesTable::Expire(std::chrono::milliseconds now) {
  const std::chrono::milliseconds ttl = config_.statsd.series_ttl;
  if (ttl.count() == 0) return;
  EraseIf([&](const SeriesKey& key, const AppSeries& series) {
    if (now - series.last_update < ttl) return false;
    // An app is gone before its tagged label sets are asked for.
    return key.tags.empty() ? !series.share.reserved
                            : !series.arbiter_workers.exists;
  });
  for (auto& [key, series] : label_sets_) {
    series.Expire(now - ttl, *options_, budget_);
  }
}

void SeriesTable::Reconfigure(const Config& config) {
  std::set<std::string> dropped;
  for (const InstanceConfig& instance : config_.instances) {
    dropped.insert(instance.proc_name);
  }
  for (const InstanceConfig& instance : config.instances) {
    dropped.erase(instance.proc_name);
  }
  EraseIf([&](const SeriesKey& key, const AppSeries&) {
    return dropped.contains(key.app.name);
  });
  std::erase_if(known_apps_,
                [&](const AppId& app) { return dropped.contains(app.name); });
  EndReservations();
  const auto old_options = std::exchange(
      options_, std::make_shared<const SeriesOptions>(config.statsd));
  config_ = config;
  if (!options_->SameBuckets(*old_options)) {
    LogEvent(LogLevel::kInfo, "durations_restarted",
             {{"reason", "the reload changed the histograms' buckets"}});
  }
  SetLimits();
  for (auto& [key, series] : label_sets_) {
    series.Adopt(*options_, *old_options, budget_);
  }
  Rekey();
  for (AppId& app : known_apps_) {
    app = Normalised({std::move(app), {}}).app;
    budget_.Reserve(FindOrInsert(app).share);
  }
}

// Gives every series the key and the labels of the configuration that holds
// now; those that become one are added up.
void SeriesTable::Rekey() {
  LabelSets old;
  old.swap(label_sets_);
  while (!old.empty()) {
    auto node = old.extract(old.begin());
    budget_.GiveBackBytes(BytesOf(node.key()));
    node.key() = Normalised(node.key());
    const auto placed = label_sets_.insert(std::move(node));
    if (placed.inserted) continue;
    placed.position->second.MergeFrom(placed.node.mapped(), *options_, budget_);
  }
  AppSeries* app = nullptr;
  for (auto& [key, series] : label_sets_) {
    if (key.tags.empty()) app = &series;
    series.base = key.tags.empty() ? nullptr : app;
    series.labels = MakeLabelsOf(key);
    budget_.AddBytes(BytesOf(key));
  }
  ++epoch_;
}

// The key as the configuration has it now: a line may have been named by an
// older one.
SeriesKey SeriesTable::Normalised(const SeriesKey& key) const {
  SeriesKey made{{key.app.name, "", ""}, {}};
  if (config_.process.pod_labels) made.app = key.app;
  for (const std::string& name : config_.statsd.tag_labels) {
    const auto tag =
        std::find_if(key.tags.begin(), key.tags.end(),
                     [&](const Label& other) { return other.name == name; });
    if (tag != key.tags.end()) made.tags.push_back(*tag);
  }
  return made;
}

LabelSetPtr SeriesTable::MakeLabelsOf(const SeriesKey& key) const {
  LabelSetPtr app_labels = MakeAppLabels(key.app, config_);
  if (key.tags.empty()) return app_labels;
  std::vector<Label> labels = app_labels->labels();
  for (const Label& tag : key.tags) {
    labels.push_back({TagLabelName(tag.name), tag.value});
  }
  return MakeLabels(std::move(labels));
}

}  // namespace gunicorn_exporter
