// Turns the series of apps into the families of a scrape.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collectors/metric_family.h"
#include "collectors/series/app_series.h"
#include "collectors/series/series_options.h"

namespace gunicorn_exporter {

// For one scrape, by one thread.
class ScrapeFamilies {
 public:
  explicit ScrapeFamilies(const SeriesOptions& options);

  void Add(const AppSeries& app, std::chrono::milliseconds now);
  // How many series there are, and how many were refused.
  void AddTotals(std::size_t series, std::uint64_t refused);
  // Families without a series are left out.
  std::vector<MetricFamily> Take();

 private:
  void AddDurations(const AppSeries& app, std::chrono::milliseconds now);
  void AddBacklog(const AppSeries& app);

  const SeriesOptions& options_;
  MetricFamily requests_;
  MetricFamily statuses_;
  MetricFamily durations_;
  MetricFamily window_;
  MetricFamily messages_;
  MetricFamily workers_;
  MetricFamily backlog_;
  MetricFamily series_;
  MetricFamily refused_;
  MetricFamily last_packet_;
  // By app: of several containers with one name, the newest.
  std::map<std::string, double> last_packets_;
};

}  // namespace gunicorn_exporter
