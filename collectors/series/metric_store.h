// Every series that StatsD lines and access lines make, of all apps.
//
// Threads. Any number of ingest threads, scrapes and callers of the rest at
// once; one lock guards all. Whoever receives must not wait: TryAdd gives up
// where the lock is taken, and its caller keeps the events for later. Scrapes
// take a few apps at a time under the lock, and give way to whoever receives.
//
// Nothing here throws but for want of memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/collector.h"
#include "collectors/metric_family.h"
#include "collectors/series/event_sink.h"
#include "collectors/series/scrape_families.h"
#include "collectors/series/series_key.h"
#include "collectors/series/series_table.h"
#include "collectors/series/store_mutex.h"
#include "collectors/series/time_point.h"
#include "config/config.h"

namespace gunicorn_exporter {

// What arrived for an app, for the status page.
struct AppArrival {
  AppId app;
  bool statsd_seen = false;        // A StatsD line was accepted.
  double last_packet_seconds = 0;  // Unix time; 0: none yet.
};

// What the store goes by, for those who name the apps of lines.
struct StoreSettings {
  Config config;
  std::vector<AppId> known_apps;
};

class MetricStore : public Collector, public EventSink {
 public:
  // `name`: the collector whose lines feed it.
  MetricStore(const Config& config, TimeSource time_source,
              std::string_view name = "statsd");

  // The apps that the configuration names or discovery has found. A new one
  // gets its zeros at once; one that is gone and never had an event disappears.
  void SetKnownApps(std::vector<AppId> apps);
  // These have lost their last master: gunicorn_arbiter_workers ends.
  void EndArbiters(const std::vector<AppId>& apps);
  // Another configuration: a dropped instance's series disappear, other
  // counters go on. Durations begin anew where their buckets changed. Follow it
  // with SetKnownApps.
  void Reconfigure(const Config& config);

  // Hands all events over, or none: false where the lock is taken right now.
  // The refs are the caller's; those without room or with a conflict say so in
  // `refusal`.
  bool TryAdd(std::span<StoreOp> ops);
  // The same, but waits; short, since nobody holds the lock for long.
  void Add(std::span<StoreOp> ops);
  bool AddFromLog(const AppId& app, std::span<const Event> events) override;

  // Changes with each new settings(). Cheap enough to ask for each packet.
  std::uint64_t settings_version() const { return settings_version_.load(); }
  std::shared_ptr<const StoreSettings> settings() const;

  std::string_view Name() const override { return name_; }
  // The families of section 4.2, and those of 4.3 that count series.
  Collected Collect(Deadline deadline) override;
  // The apps that are known or that lines of gunicorn's have named, in the
  // order of their ids.
  std::vector<AppArrival> Arrivals() const;

 private:
  void AddLocked(std::span<StoreOp> ops, bool from_statsd);
  void RememberStatsd(const std::string& name);
  // Of a scrape: the label sets behind `after`, which moves; false: all done.
  bool AddLabelSets(std::optional<SeriesKey>& after,
                    ScrapeFamilies& families) const;
  // Foreign series, behind `metric` of the label set `key`; as above.
  bool AddForeign(SeriesKey& key, ForeignKey& metric,
                  ScrapeFamilies& families) const;
  void PublishSettings();

  const TimeSource time_source_;
  const std::string name_;

  mutable StoreMutex mutex_;  // Guards what follows, up to settings_mutex_.

  SeriesTable table_;
  // The names of apps that StatsD lines about a request were accepted of,
  // whatever became of their series since: their access lines are refused.
  std::set<std::string> statsd_names_;
  // Far more than there are apps; strangers may make up that many, too.
  std::size_t most_statsd_names_ = 20000;
  std::map<AppId, SeriesRef> log_refs_;  // Of AddFromLog, as is log_ops_.
  std::vector<StoreOp> log_ops_;

  mutable std::mutex settings_mutex_;
  std::shared_ptr<const StoreSettings> settings_;
  std::atomic<std::uint64_t> settings_version_{0};
};

}  // namespace gunicorn_exporter
