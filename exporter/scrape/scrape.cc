#include "exporter/scrape/scrape.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

Collected Ask(Collector& collector, Collector::Deadline deadline) {
  try {
    return collector.Collect(deadline);
  } catch (const std::exception& exception) {  // For want of memory, say.
    return {{}, exception.what()};
  }
}

void Append(std::vector<MetricFamily> from, std::vector<MetricFamily>& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

std::vector<MetricFamily> MergeFamilies(std::vector<MetricFamily> families) {
  std::stable_sort(families.begin(), families.end(),
                   [](const MetricFamily& left, const MetricFamily& right) {
                     return left.name < right.name;
                   });
  std::vector<MetricFamily> merged;
  merged.reserve(families.size());
  for (MetricFamily& family : families) {
    if (merged.empty() || merged.back().name != family.name) {
      merged.push_back(std::move(family));
    } else if (merged.back().type == family.type) {
      std::move(family.series.begin(), family.series.end(),
                std::back_inserter(merged.back().series));
    }
  }
  return merged;
}

Scraper::Scraper(std::vector<Collector*> collectors)
    : collectors_(std::move(collectors)) {}

std::vector<MetricFamily> Scraper::Collect(Collector::Deadline deadline) {
  std::vector<MetricFamily> families;
  MetricFamily success{"gunicorn_exporter_collector_success",
                       "1 when the collector answered this scrape, else 0.",
                       MetricType::kGauge,
                       {}};
  MetricFamily duration{"gunicorn_exporter_collector_duration_seconds",
                        "How long the collector took for this scrape.",
                        MetricType::kGauge,
                        {}};
  // Two of one name (the logs' own series, and those that they alone feed)
  // count as one.
  std::map<std::string, std::pair<bool, double>> results;
  for (Collector* const collector : collectors_) {
    const auto begin = std::chrono::steady_clock::now();
    Collected collected = Ask(*collector, deadline);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
    const std::string name(collector->Name());
    if (!collected.error.empty()) {
      LogEvent(LogLevel::kWarn, "collector_failed",
               {{"collector", name},
                {"duration_seconds", std::to_string(seconds)},
                {"error", collected.error}});
    }
    Append(std::move(collected.families), families);
    if (name.empty()) continue;
    auto& [is_successful, total_seconds] =
        results.try_emplace(name, true, 0).first->second;
    is_successful = is_successful && collected.error.empty();
    total_seconds += seconds;
  }
  for (const auto& [name, result] : results) {
    const LabelSetPtr labels = MakeLabels({{"collector", name}});
    AddSeries(success, nullptr, labels, result.first ? 1 : 0);
    AddSeries(duration, nullptr, labels, result.second);
  }
  families.push_back(std::move(success));
  families.push_back(std::move(duration));
  return MergeFamilies(std::move(families));
}

}  // namespace gunicorn_exporter
