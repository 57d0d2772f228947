#include "collectors/series/metric_store.h"

#include <algorithm>
#include <utility>

#include "collectors/series/scrape_families.h"

namespace gunicorn_exporter {
namespace {

// The series of so many lines ahead are asked from memory: with 1000 apps this
// saves about 4 ns a line of 55 (tests/bench/statsd_line_bench).
constexpr std::size_t kPrefetchedOps = 6;

// So few that the lock is held for some microseconds.
constexpr std::size_t kAppsAtATime = 4;
constexpr std::size_t kForeignAtATime = 16;

// What an access line says, too.
bool IsOfRequest(EventKind kind) {
  return kind == EventKind::kRequests || kind == EventKind::kStatus ||
         kind == EventKind::kDuration;
}

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

MetricStore::MetricStore(const Config& config, TimeSource time_source,
                         std::string_view name)
    : time_source_(std::move(time_source)), name_(name), table_(config) {
  PublishSettings();
}

void MetricStore::PublishSettings() {
  auto settings = std::make_shared<const StoreSettings>(
      StoreSettings{table_.config(), table_.known_apps()});
  const std::lock_guard<std::mutex> lock(settings_mutex_);
  settings_ = std::move(settings);
  ++settings_version_;
}

std::shared_ptr<const StoreSettings> MetricStore::settings() const {
  const std::lock_guard<std::mutex> lock(settings_mutex_);
  return settings_;
}

void MetricStore::SetKnownApps(std::vector<AppId> apps) {
  const TimePoint now = time_source_();
  const StoreMutex::WriterLock lock(mutex_);
  table_.SetKnownApps(std::move(apps), now);
  PublishSettings();
}

void MetricStore::EndArbiters(const std::vector<AppId>& apps) {
  const StoreMutex::WriterLock lock(mutex_);
  table_.EndArbiters(apps);
}

void MetricStore::Reconfigure(const Config& config) {
  const StoreMutex::WriterLock lock(mutex_);
  table_.Reconfigure(config);
  log_refs_.clear();
  PublishSettings();
}

bool MetricStore::TryAdd(std::span<StoreOp> ops) {
  const StoreMutex::WriterLock lock(mutex_, std::try_to_lock);
  if (lock.owns()) AddLocked(ops, true);
  return lock.owns();
}

void MetricStore::Add(std::span<StoreOp> ops) {
  const StoreMutex::WriterLock lock(mutex_);
  AddLocked(ops, true);
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

// Names that were made up by strangers go once their series are gone, and no
// log of the configuration may be theirs.
void MetricStore::RememberStatsd(const std::string& name) {
  statsd_names_.insert(name);
  if (statsd_names_.size() <= most_statsd_names_) return;
  std::set<std::string> living = {name};
  for (const auto& [key, series] : table_.label_sets()) {
    if (series.request_seen) living.insert(key.app.name);
  }
  const auto keep = [&](const std::string& known) {
    if (statsd_names_.contains(known)) living.insert(known);
  };
  const Config& config = table_.config();
  for (const AppId& app : table_.known_apps()) keep(app.name);
  for (const InstanceConfig& instance : config.instances)
    keep(instance.proc_name);
  for (const LogSourceConfig& log : config.logs) keep(log.service);
  keep(config.statsd.default_app);
  keep("unknown");
  statsd_names_ = std::move(living);
  // So that each of very many names does not cost a look at all of them.
  most_statsd_names_ = std::max(most_statsd_names_, 2 * statsd_names_.size());
}

void MetricStore::AddLocked(std::span<StoreOp> ops, bool from_statsd) {
  const TimePoint now = time_source_();
  const SeriesContext context = table_.Context(now);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    StoreOp& op = ops[i];
    SeriesRef& ref = *op.ref;
    if (i + kPrefetchedOps < ops.size() &&
        ops[i + kPrefetchedOps].ref != &ref) {
      Prefetch(*ops[i + kPrefetchedOps].ref);
    }
    const bool is_foreign = op.event.kind == EventKind::kForeign;
    // A line of before the reload that switched this off.
    if (is_foreign && !context.options.exports_foreign) continue;
    op.refusal = table_.Add(ref, op.event, context);
    if (op.refusal != Refusal::kNone) {
      if (op.begins_line) table_.CountRefused(op.refusal, ref);
      continue;
    }
    AppSeries& series = *ref.series;
    AppSeries& app = series.app();
    series.last_update = now.steady;
    app.last_update = now.steady;
    if (is_foreign) continue;
    if (!app.has_data) {
      app.has_data = true;
      table_.AddPresets(ref.key.app.name, app, context);
    }
    if (from_statsd) {
      app.statsd_seen = true;
      if (!app.request_seen && IsOfRequest(op.event.kind)) {
        app.request_seen = true;
        RememberStatsd(ref.key.app.name);
      }
      app.last_packet_seconds = now.unix_seconds;
    }
  }
}

Collected MetricStore::Collect(Deadline /*deadline*/) {
  const TimePoint now = time_source_();
  std::optional<ScrapeFamilies> families;
  bool has_foreign = false;
  {
    const StoreMutex::ReaderLock lock(mutex_);
    table_.Expire(now.steady);
    families.emplace(table_.options(), table_.label_sets().size(), now.steady);
    families->AddTotals(table_.series(), table_.refused());
    has_foreign = table_.has_foreign();
  }
  std::optional<SeriesKey> after;
  while (AddLabelSets(after, *families)) {
  }
  SeriesKey key;
  ForeignKey metric;
  while (has_foreign && AddForeign(key, metric, *families)) {
  }
  return {families->Take(), {}};
}

bool MetricStore::AddLabelSets(std::optional<SeriesKey>& after,
                               ScrapeFamilies& families) const {
  const StoreMutex::ReaderLock lock(mutex_);
  const auto& all = table_.label_sets();
  auto entry = after ? all.upper_bound(*after) : all.begin();
  if (entry == all.end()) return false;
  for (std::size_t i = 0; i < kAppsAtATime && entry != all.end(); ++i) {
    families.Add(entry->first.app.name, entry->second);
    after = (entry++)->first;
  }
  return true;
}

bool MetricStore::AddForeign(SeriesKey& key, ForeignKey& metric,
                             ScrapeFamilies& families) const {
  const StoreMutex::ReaderLock lock(mutex_);
  const auto& all = table_.label_sets();
  for (auto entry = all.lower_bound(key); entry != all.end(); ++entry) {
    const AppSeries& series = entry->second;
    auto one = entry->first == key ? series.foreign.upper_bound(metric)
                                   : series.foreign.begin();
    if (one == series.foreign.end()) continue;
    for (std::size_t i = 0; i < kForeignAtATime && one != series.foreign.end();
         ++i) {
      families.AddForeign(one->first, one->second, series.labels);
      metric = (one++)->first;
    }
    key = entry->first;
    return true;
  }
  return false;
}

std::vector<AppArrival> MetricStore::Arrivals() const {
  const StoreMutex::ReaderLock lock(mutex_);
  std::vector<AppArrival> arrivals;
  for (const auto& [key, series] : table_.label_sets()) {
    if (!key.tags.empty() || !series.IsKnown()) continue;
    arrivals.push_back(
        {key.app, series.statsd_seen, series.last_packet_seconds});
  }
  return arrivals;
}

}  // namespace gunicorn_exporter
