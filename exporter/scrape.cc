#include "exporter/scrape.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gunicorn_exporter {

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

}  // namespace gunicorn_exporter
