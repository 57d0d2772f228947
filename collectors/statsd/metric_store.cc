#include "collectors/statsd/metric_store.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "collectors/app_labels.h"
#include "collectors/statsd/scrape_families.h"
#include "config/log.h"

namespace gunicorn_exporter {
namespace {

// Names that strangers may make up take at most this much.
constexpr std::size_t kMostLabelBytes = 4U << 20U;

// Four levels, requests, durations (two), arbiter's workers, backlog, and some
// codes beside the presets.
constexpr std::size_t kReservedBesidePresets = 17;

}  // namespace

// For an ingest thread or a change: scrapes stand back while it waits.
class MetricStore::WriterLock {
 public:
  explicit WriterLock(const MetricStore& store) : store_(store) {
    ++store_.writers_waiting_;
    store_.mutex_.lock();
    --store_.writers_waiting_;
  }
  ~WriterLock() { store_.mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  const MetricStore& store_;
};

// For a scrape's short look.
class MetricStore::ReaderLock {
 public:
  explicit ReaderLock(const MetricStore& store)
      : gate_(store.reader_mutex_), store_(store) {
    while (store_.writers_waiting_ != 0) std::this_thread::yield();
    store_.mutex_.lock();
  }
  ~ReaderLock() { store_.mutex_.unlock(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  std::lock_guard<std::mutex> gate_;
  const MetricStore& store_;
};

MetricStore::MetricStore(const Config& config, TimeSource time_source)
    : time_source_(std::move(time_source)),
      config_(config),
      options_(MakeSeriesOptions(config.statsd)) {
  SetLimits();
  PublishNaming();
}

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

std::shared_ptr<const Naming> MetricStore::naming() const {
  const std::lock_guard<std::mutex> lock(naming_mutex_);
  return naming_;
}

bool MetricStore::TryAdd(std::span<const StoreOp> ops,
                         std::span<const ForeignOp> foreign_ops) {
  const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return false;
  AddLocked(ops, true);
  AddForeign(foreign_ops);
  return true;
}

void MetricStore::Add(std::span<const StoreOp> ops,
                      std::span<const ForeignOp> foreign_ops) {
  const WriterLock lock(*this);
  AddLocked(ops, true);
  AddForeign(foreign_ops);
}

void MetricStore::AddForeign(std::span<const ForeignOp> ops) {
  // A line of before the reload that switched this off.
  if (ops.empty() || config_.statsd.unmatched != UnmatchedLines::kExport) {
    return;
  }
  const TimePoint now = time_source_();
  for (const ForeignOp& op : ops) {
    const bool room = label_bytes_ + foreign_.label_bytes() +
                          op.ref->key_text.size() + op.ref->name.size() <=
                      kMostLabelBytes;
    if (room && foreign_.Add(op, now, options_->sketch, budget_,
                             [this](const SeriesKey& key) {
                               return MakeLabelsOf(key);
                             })) {
      continue;
    }
    refused_ += op.begins_line ? 1 : 0;
  }
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

bool MetricStore::AddFromLog(const AppId& app, std::span<const Event> events) {
  SeriesRef ref{{app, {}}};
  std::vector<StoreOp> ops;
  ops.reserve(events.size());
  for (const Event& event : events) ops.push_back({&ref, event, true});
  const WriterLock lock(*this);
  const auto found = apps_.find(ToText(Normalised(ref.key)));
  if (found != apps_.end() && found->second->statsd_seen) return false;
  AddLocked(ops, false);
  return true;
}

void MetricStore::AddLocked(std::span<const StoreOp> ops, bool from_statsd) {
  const TimePoint now = time_source_();
  for (const StoreOp& op : ops) {
    SeriesRef& ref = *op.ref;
    bool added = false;
    if (ref.series == nullptr || ref.epoch != epoch_) {
      ref.series = Resolve(ref, op.event, now, added);
      ref.epoch = epoch_;
    }
    if (ref.series == nullptr ||
        (!added && !ref.series->Add(op.event, now, *options_, budget_))) {
      refused_ += op.begins_line ? 1 : 0;
      continue;
    }
    AppSeries& series = *ref.series;
    AppSeries& app = series.base == nullptr ? series : *series.base;
    series.last_update = now.steady;
    app.last_update = now.steady;
    app.has_data = true;
    if (from_statsd) {
      app.statsd_seen = true;
      app.last_packet_seconds = now.unix_seconds;
    }
  }
}

AppSeries* MetricStore::Resolve(SeriesRef& ref, const Event& event,
                                const TimePoint& now, bool& added) {
  SeriesKey key = Normalised(ref.key);
  const auto found = apps_.find(ToText(key));
  if (found != apps_.end()) return found->second.get();
  AppSeries* const created = Create(std::move(key), event, now);
  added = created != nullptr;
  return created;
}

// The event's own series first: where there is no room for it, nothing is made
// known. The zeros then take what room there is.
AppSeries* MetricStore::Create(SeriesKey key, const Event& event,
                               const TimePoint& now) {
  if (label_bytes_ + foreign_.label_bytes() + ToText(key).size() >
      kMostLabelBytes) {
    return nullptr;
  }
  auto series = std::make_unique<AppSeries>(key);
  if (!series->Add(event, now, *options_, budget_)) return nullptr;
  if (key.tags.empty()) {
    series->AddPresets(now, *options_, budget_);
    return &Insert(std::move(series));
  }
  const auto base = apps_.find(ToText({key.app, {}}));
  series->base =
      base != apps_.end() ? base->second.get() : &CreateBase(key, now);
  return &Insert(std::move(series));
}

AppSeries& MetricStore::CreateBase(const SeriesKey& key, const TimePoint& now) {
  auto series = std::make_unique<AppSeries>(SeriesKey{key.app, {}});
  series->AddPresets(now, *options_, budget_);
  return Insert(std::move(series));
}

AppSeries& MetricStore::Insert(std::unique_ptr<AppSeries> series) {
  series->labels = MakeLabelsOf(series->key);
  std::string text = ToText(series->key);
  label_bytes_ += text.size();
  AppSeries& inserted = *series;
  apps_.emplace(std::move(text), std::move(series));
  return inserted;
}

void MetricStore::EraseIf(
    const std::function<bool(const AppSeries&)>& is_gone) {
  // An app takes its tagged series with it: those first, as they point to it.
  std::vector<std::string> gone;
  for (const auto& [text, series] : apps_) {
    if (is_gone(*series) ||
        (series->base != nullptr && is_gone(*series->base))) {
      gone.push_back(text);
    }
  }
  for (const std::string& text : gone) {
    const auto found = apps_.find(text);
    found->second->GiveBackAll(budget_);
    label_bytes_ -= text.size();
    apps_.erase(found);
  }
  if (!gone.empty()) ++epoch_;
}

void MetricStore::SetKnownApps(std::vector<AppId> apps) {
  const TimePoint now = time_source_();
  const WriterLock lock(*this);
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
  for (const AppId& app : known_) {
    apps_.at(ToText({app, {}}))->AddPresets(now, *options_, budget_);
  }
  PublishNaming();
}

// Lets the longest silent apps that nobody knows go, where known ones need
// their room.
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
  if (evicted.empty()) return;
  const std::size_t before = budget_.used();
  EraseIf([&](const AppSeries& series) { return evicted.contains(&series); });
  refused_ += before - budget_.used();
  if (!warned_evicted_) {
    warned_evicted_ = true;
    LogEvent(LogLevel::kWarn, "series_evicted",
             {{"series", std::to_string(before - budget_.used())},
              {"reason", "statsd.max_series leaves no room for a known app"}});
  }
}

void MetricStore::Reconfigure(const Config& config) {
  const WriterLock lock(*this);
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

bool MetricStore::IsStale(const AppSeries& series,
                          std::chrono::milliseconds now) const {
  const std::chrono::milliseconds ttl = config_.statsd.series_ttl;
  const AppSeries& app = series.base == nullptr ? series : *series.base;
  const bool app_lives =
      known_.contains(app.key.app) || now - app.last_update < ttl;
  if (&app == &series) return !app_lives;
  return now - series.last_update >= ttl &&
         !(app_lives && series.arbiter_workers.exists);
}

void MetricStore::ExpireAll(const TimePoint& now) {
  if (config_.statsd.series_ttl.count() == 0) return;
  EraseIf([&](const AppSeries& series) { return IsStale(series, now.steady); });
  foreign_.EraseIf(
      [&](const SeriesKey&, std::chrono::milliseconds updated) {
        return now.steady - updated >= config_.statsd.series_ttl;
      },
      budget_);
  for (const auto& [text, series] : apps_) {
    series->Expire(now.steady - config_.statsd.series_ttl, *options_, budget_);
  }
}

std::size_t MetricStore::CopySlice(std::optional<std::string>& after,
                                   std::vector<AppSeries>& slice) {
  const ReaderLock lock(*this);
  std::size_t copied = 0;
  for (auto app = after ? apps_.upper_bound(*after) : apps_.begin();
       app != apps_.end() && copied < slice.size(); ++app) {
    slice[copied++] = *app->second;
    after = app->first;
  }
  return copied;
}

std::vector<MetricFamily> MetricStore::Collect() {
  const TimePoint now = time_source_();
  std::shared_ptr<const SeriesOptions> options;
  {
    const ReaderLock lock(*this);
    ExpireAll(now);
    options = options_;
  }
  // So few that the lock is held for some microseconds.
  constexpr std::size_t kAppsAtATime = 8;
  std::vector<AppSeries> slice(kAppsAtATime, AppSeries(SeriesKey()));
  ScrapeFamilies families(*options);
  std::optional<std::string> after;
  while (const std::size_t copied = CopySlice(after, slice)) {
    for (std::size_t i = 0; i < copied; ++i) {
      families.Add(slice[i], now.steady);
    }
  }
  std::vector<MetricFamily> foreign;
  {
    const ReaderLock lock(*this);
    families.AddTotals(budget_.used(), refused_);
    foreign_.Collect(now.steady, foreign);
  }
  std::vector<MetricFamily> all = families.Take();
  for (MetricFamily& family : foreign) all.push_back(std::move(family));
  return all;
}

std::vector<AppArrival> MetricStore::Arrivals() const {
  const ReaderLock lock(*this);
  std::vector<AppArrival> arrivals;
  for (const auto& [text, series] : apps_) {
    if (series->base != nullptr) continue;
    arrivals.push_back(
        {series->key.app, series->statsd_seen, series->last_packet_seconds});
  }
  return arrivals;
}

}  // namespace gunicorn_exporter
