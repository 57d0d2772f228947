#include "collectors/series/metric_store.h"

#include <algorithm>
#include <utility>

namespace gunicorn_exporter {
namespace {

// Names that strangers may make up take at most this much.
constexpr std::size_t kMostLabelBytes = 4U << 20U;

// The series of so many lines ahead are asked from memory: with 1000 apps this
// saves about 4 ns a line of 55 (tests/bench/statsd_line_bench).
constexpr std::size_t kPrefetchedOps = 6;

// Only a hint: `series` may be gone.
void Prefetch(const SeriesRef& ref) {
  if (ref.series == nullptr) return;
  constexpr std::size_t kCacheLine = 64;
  constexpr std::size_t kTouched = 4 * kCacheLine;
  const char* const series = reinterpret_cast<const char*>(ref.series);
  for (std::size_t i = 0; i < kTouched; i += kCacheLine) {
    __builtin_prefetch(series + i);
  }
}

}  // namespace

MetricStore::MetricStore(const Config& config, TimeSource time_source)
    : time_source_(std::move(time_source)),
      config_(config),
      options_(MakeSeriesOptions(config.statsd)) {
  SetLimits();
  PublishNaming();
}

std::shared_ptr<const Naming> MetricStore::naming() const {
  const std::lock_guard<std::mutex> lock(naming_mutex_);
  return naming_;
}

bool MetricStore::TryAdd(std::span<const StoreOp> ops,
                         std::span<const ForeignOp> foreign_ops) {
  const std::unique_lock<std::mutex> lock = mutex_.TryLock();
  if (!lock.owns_lock()) return false;
  AddLocked(ops, true);
  AddForeign(foreign_ops);
  return true;
}

void MetricStore::Add(std::span<const StoreOp> ops,
                      std::span<const ForeignOp> foreign_ops) {
  const StoreMutex::WriterLock lock(mutex_);
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

bool MetricStore::AddFromLog(const AppId& app, std::span<const Event> events) {
  const StoreMutex::WriterLock lock(mutex_);
  if (statsd_names_.contains(app.name)) return false;
  SeriesRef& ref =
      log_refs_.try_emplace(app, SeriesRef{{app, {}}}).first->second;
  log_ops_.clear();
  for (const Event& event : events) log_ops_.push_back({&ref, event, true});
  AddLocked(log_ops_, false);
  return true;
}

// Names that were made up by strangers go once their series are gone.
void MetricStore::RememberStatsd(const std::string& name) {
  statsd_names_.insert(name);
  if (statsd_names_.size() <= most_statsd_names_) return;
  std::set<std::string> living = {name};
  for (const auto& [text, series] : apps_) {
    if (series->statsd_seen) living.insert(series->key.app.name);
  }
  statsd_names_ = std::move(living);
  // So that each of very many names does not cost a look at all of them.
  most_statsd_names_ = std::max(most_statsd_names_, 2 * statsd_names_.size());
}

void MetricStore::AddLocked(std::span<const StoreOp> ops, bool from_statsd) {
  const TimePoint now = time_source_();
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const StoreOp& op = ops[i];
    SeriesRef& ref = *op.ref;
    if (i + kPrefetchedOps < ops.size() &&
        ops[i + kPrefetchedOps].ref != &ref) {
      Prefetch(*ops[i + kPrefetchedOps].ref);
    }
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
      if (!app.statsd_seen) RememberStatsd(app.key.app.name);
      app.statsd_seen = true;
      app.last_packet_seconds = now.unix_seconds;
    }
  }
}

AppSeries* MetricStore::Resolve(SeriesRef& ref, const Event& event,
                                const TimePoint& now, bool& added) {
  const SeriesKey key = Normalised(ref.key);
  const auto found = apps_.find(ToText(key));
  if (found != apps_.end()) return found->second.get();
  AppSeries* const created = Create(key, event, now);
  added = created != nullptr;
  return created;
}

// The event's own series first: where there is no room for it, nothing is made
// known. The zeros then take what room there is.
AppSeries* MetricStore::Create(const SeriesKey& key, const Event& event,
                               const TimePoint& now) {
  if (label_bytes_ + foreign_.label_bytes() + ToText(key).size() >
      kMostLabelBytes) {
    return nullptr;
  }
  auto series = std::make_unique<AppSeries>(key);
  if (!series->Add(event, now, *options_, budget_)) return nullptr;
  if (key.tags.empty()) {
    AddPresets(*series, now);
    return &Insert(std::move(series));
  }
  const auto base = apps_.find(ToText({key.app, {}}));
  series->base =
      base != apps_.end() ? base->second.get() : &CreateBase(key, now);
  return &Insert(std::move(series));
}

AppSeries& MetricStore::CreateBase(const SeriesKey& key, const TimePoint& now) {
  auto series = std::make_unique<AppSeries>(SeriesKey{key.app, {}});
  AddPresets(*series, now);
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

}  // namespace gunicorn_exporter
