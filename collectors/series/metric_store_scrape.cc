// The part of the store that scrapes use.
#include <utility>

#include "collectors/series/metric_store.h"
#include "collectors/series/scrape_families.h"

namespace gunicorn_exporter {

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
  const StoreMutex::ReaderLock lock(mutex_);
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
    const StoreMutex::ReaderLock lock(mutex_);
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
    const StoreMutex::ReaderLock lock(mutex_);
    families.AddTotals(budget_.used(), refused_);
    foreign_.Collect(now.steady, foreign);
  }
  std::vector<MetricFamily> all = families.Take();
  for (MetricFamily& family : foreign) all.push_back(std::move(family));
  return all;
}

std::vector<AppArrival> MetricStore::Arrivals() const {
  const StoreMutex::ReaderLock lock(mutex_);
  std::vector<AppArrival> arrivals;
  for (const auto& [text, series] : apps_) {
    if (series->base != nullptr) continue;
    arrivals.push_back(
        {series->key.app, series->statsd_seen, series->last_packet_seconds});
  }
  return arrivals;
}

}  // namespace gunicorn_exporter
