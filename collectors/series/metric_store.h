// Every series that StatsD lines and access lines make, of all apps.
//
// Threads. Any number of ingest threads, scrapes and callers of the rest at
// once; one lock guards all. Whoever receives must not wait: TryAdd gives up
// where the lock is taken, and its caller keeps the events for later. Scrapes
// copy a few apps at a time under the lock and build their answer outside of
// it, but for foreign series, whose families are built under it; one scrape at
// a time asks for the lock, and none while an ingest thread waits for it.
//
// Nothing here throws but for want of memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/metric_family.h"
#include "collectors/series/app_series.h"
#include "collectors/series/event_sink.h"
#include "collectors/series/foreign_series.h"
#include "collectors/series/series_budget.h"
#include "collectors/series/series_key.h"
#include "collectors/series/store_mutex.h"
#include "collectors/series/time_point.h"
#include "collectors/statsd/who/naming.h"
#include "config/config.h"

namespace gunicorn_exporter {

// What arrived for an app, for the status page.
struct AppArrival {
  AppId app;
  bool statsd_seen = false;        // A StatsD line was accepted.
  double last_packet_seconds = 0;  // Unix time; 0: none yet.
};

class MetricStore : public EventSink {
 public:
  MetricStore(const Config& config, TimeSource time_source);

  // The apps that the configuration names or discovery has found. A new one
  // gets its zeros at once; one that is gone and never had an event disappears.
  void SetKnownApps(std::vector<AppId> apps);
  // Another configuration: a dropped instance's series disappear, other
  // counters go on. Durations begin anew where their buckets changed. Follow it
  // with SetKnownApps.
  void Reconfigure(const Config& config);

  // Adds all events, or none: false where the lock is taken right now. The refs
  // are the caller's.
  bool TryAdd(std::span<const StoreOp> ops,
              std::span<const ForeignOp> foreign_ops = {});
  // The same, but waits; short, since nobody holds the lock for long.
  void Add(std::span<const StoreOp> ops,
           std::span<const ForeignOp> foreign_ops = {});
  bool AddFromLog(const AppId& app, std::span<const Event> events) override;

  // Changes with each new naming(). Cheap enough to ask for each packet.
  std::uint64_t naming_version() const { return naming_version_.load(); }
  std::shared_ptr<const Naming> naming() const;

  // The families of section 4.2, and those of 4.3 that count series.
  std::vector<MetricFamily> Collect();
  // Apps without a line included, ordered by ToText of their keys.
  std::vector<AppArrival> Arrivals() const;
  TimePoint Now() const { return time_source_(); }

 private:
  using Apps = std::map<std::string, std::unique_ptr<AppSeries>>;

  void AddLocked(std::span<const StoreOp> ops, bool from_statsd);
  void AddForeign(std::span<const ForeignOp> ops);
  void RememberStatsd(const std::string& name);
  void ReconfigureForeign(const std::set<std::string>& dropped, bool clear);
  AppSeries* Resolve(SeriesRef& ref, const Event& event, const TimePoint& now,
                     bool& added);
  AppSeries* Create(const SeriesKey& key, const Event& event,
                    const TimePoint& now);
  AppSeries& CreateBase(const SeriesKey& key, const TimePoint& now);
  AppSeries& Insert(std::unique_ptr<AppSeries> series);
  void EraseIf(const std::function<bool(const AppSeries&)>& gone);
  // The zeros of an app; those without room are counted once.
  void AddPresets(AppSeries& app, const TimePoint& now);
  void MakeRoom();
  bool IsStale(const AppSeries& series, std::chrono::milliseconds now) const;
  void ExpireAll(const TimePoint& now);
  SeriesKey Normalised(SeriesKey key) const;
  LabelSetPtr MakeLabelsOf(const SeriesKey& key) const;
  void Rekey(bool drop_tags);
  void SetLimits();
  void PublishNaming();
  std::size_t CopySlice(std::optional<std::string>& after,
                        std::vector<AppSeries>& slice);

  const TimeSource time_source_;

  mutable StoreMutex mutex_;  // Guards what follows, up to naming_mutex_.

  Config config_;
  std::shared_ptr<const SeriesOptions> options_;
  Apps apps_;  // By ToText of their keys.
  std::set<AppId> known_;
  // The names of apps that StatsD lines were accepted of, whatever became of
  // their series since: their access lines are refused.
  std::set<std::string> statsd_names_;
  // Far more than there are apps; strangers may make up that many, too.
  std::size_t most_statsd_names_ = 20000;
  std::map<AppId, SeriesRef> log_refs_;  // Of AddFromLog, as is log_ops_.
  std::vector<StoreOp> log_ops_;
  ForeignSeries foreign_;
  SeriesBudget budget_;
  std::size_t label_bytes_ = 0;  // Of the keys of apps_.
  std::uint64_t refused_ = 0;
  // Changes when a series that a SeriesRef may point to is gone.
  std::uint64_t epoch_ = 1;
  bool warned_evicted_ = false;

  mutable std::mutex naming_mutex_;
  std::shared_ptr<const Naming> naming_;
  std::atomic<std::uint64_t> naming_version_{0};
};

}  // namespace gunicorn_exporter
