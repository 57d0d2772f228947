// Turns the series of apps into the families of a scrape.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collectors/metric_family.h"
#include "collectors/series/app_series.h"
#include "collectors/series/series_options.h"

namespace gunicorn_exporter {

// For one scrape, by one thread.
class ScrapeFamilies {
 public:
  // `label_sets`: about how many will be added. `now` is steady.
  ScrapeFamilies(std::shared_ptr<const SeriesOptions> options,
                 std::size_t label_sets, std::chrono::milliseconds now);

  // What an app's label set has of gunicorn's own metrics.
  void Add(const std::string& app_name, const AppSeries& series);
  void AddForeign(const ForeignKey& key, const ForeignSeries& series,
                  const LabelSetPtr& labels);
  // How many series there are, and how many were refused, by Refusal.
  void AddTotals(std::size_t series,
                 const std::array<std::uint64_t, kRefusals>& refused);
  // Families without a series are left out.
  std::vector<MetricFamily> Take();

 private:
  void AddDurations(const AppSeries& series);
  std::unique_ptr<const SummaryValue> Summary(
      const Sketch& sketch, const std::vector<double>& quantiles) const;

  const std::shared_ptr<const SeriesOptions> options_;
  const std::chrono::milliseconds now_;
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
  std::map<std::string, MetricFamily> foreign_;  // By name.
  // By app: of several containers with one name, the newest.
  std::map<std::string, double> last_packets_;
};

}  // namespace gunicorn_exporter
