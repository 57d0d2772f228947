// Families of series for tests.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

inline MetricFamily MakeFamily(std::string name, MetricType type,
                               std::string help = "Help.") {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

inline Series MakeHistogramSeries(LabelSetPtr common,
                                  std::vector<double> bounds,
                                  std::vector<double> cumulative, double count,
                                  double sum) {
  auto histogram = std::make_unique<HistogramValue>();
  histogram->bounds =
      std::make_shared<const std::vector<double>>(std::move(bounds));
  histogram->cumulative = std::move(cumulative);
  histogram->count = count;
  histogram->sum = sum;
  Series series;
  series.common = std::move(common);
  series.histogram = std::move(histogram);
  return series;
}

inline Series MakeSummarySeries(
    LabelSetPtr common, std::vector<std::pair<double, double>> quantiles,
    double count, double sum) {
  auto summary = std::make_unique<SummaryValue>();
  summary->quantiles = std::move(quantiles);
  summary->count = count;
  summary->sum = sum;
  Series series;
  series.common = std::move(common);
  series.summary = std::move(summary);
  return series;
}

}  // namespace gunicorn_exporter
