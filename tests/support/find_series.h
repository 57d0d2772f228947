// Finds a series in what a collector gave.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

inline const MetricFamily* FindFamily(const std::vector<MetricFamily>& families,
                                      std::string_view name) {
  for (const MetricFamily& family : families) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

// `app="my_app",code="200"`, as a scrape writes it.
inline std::string LabelText(const Series& series) {
  std::string text;
  if (series.common != nullptr) text = series.common->text();
  if (series.own == nullptr) return text;
  if (!text.empty()) text += ',';
  return text + series.own->text();
}

// Null where there is none.
inline const Series* FindSeries(const std::vector<MetricFamily>& families,
                                std::string_view name,
                                std::string_view labels) {
  const MetricFamily* const family = FindFamily(families, name);
  if (family == nullptr) return nullptr;
  for (const Series& series : family->series) {
    if (LabelText(series) == labels) return &series;
  }
  return nullptr;
}

// Of a counter or a gauge; -1 where there is none.
inline double ValueOf(const std::vector<MetricFamily>& families,
                      std::string_view name, std::string_view labels) {
  const Series* const series = FindSeries(families, name, labels);
  return series == nullptr ? -1 : series->value;
}

}  // namespace gunicorn_exporter
