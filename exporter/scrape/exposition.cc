#include "exporter/scrape/exposition.h"

#include <algorithm>
#include <string_view>

#include "exporter/scrape/protobuf_format.h"
#include "exporter/scrape/text_format.h"
namespace gunicorn_exporter {
namespace {

std::string_view TextOf(const LabelSetPtr& labels) {
  return labels == nullptr ? std::string_view() : labels->text();
}

// Negative, 0 or positive, as the left series stands before, with or behind.
int Compare(const Series& left, const Series& right) {
  if (left.common != right.common) {
    const int order = TextOf(left.common).compare(TextOf(right.common));
    if (order != 0) return order;
  }
  if (left.own == right.own) return 0;
  return TextOf(left.own).compare(TextOf(right.own));
}

}  // namespace

std::string_view ContentType(ExpositionFormat format) {
  switch (format) {
    case ExpositionFormat::kText:
      break;
    case ExpositionFormat::kOpenMetrics:
      return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case ExpositionFormat::kProtobuf:
      return "application/vnd.google.protobuf; "
             "proto=io.prometheus.client.MetricFamily; encoding=delimited";
  }
  return "text/plain; version=0.0.4; charset=utf-8";
}

std::string Expose(const std::vector<MetricFamily>& families,
                   ExpositionFormat format) {
  switch (format) {
    case ExpositionFormat::kText:
      break;
    case ExpositionFormat::kOpenMetrics:
      return WriteOpenMetrics(families);
    case ExpositionFormat::kProtobuf:
      return WriteProtobuf(families);
  }
  return WriteText(families);
}

std::vector<const Series*> SortedSeries(const MetricFamily& family) {
  std::vector<const Series*> sorted;
  sorted.reserve(family.series.size());
  bool in_order = true;  // Collectors mostly give them so.
  for (const Series& series : family.series) {
    in_order =
        in_order && (sorted.empty() || Compare(*sorted.back(), series) < 0);
    sorted.push_back(&series);
  }
  if (in_order) return sorted;

  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Series* left, const Series* right) {
                     return Compare(*left, *right) < 0;
                   });
  const auto same = [](const Series* left, const Series* right) {
    return Compare(*left, *right) == 0;
  };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same), sorted.end());
  return sorted;
}

}  // namespace gunicorn_exporter
