// Families of series as the bytes of a scrape's answer, in the format that the
// scraper asked for. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

enum class ExpositionFormat { kText, kOpenMetrics, kProtobuf };

// The value of the Content-Type header.
std::string_view ContentType(ExpositionFormat format);

// `families` as MergeFamilies() gives them: a name occurs once.
std::string Expose(const std::vector<MetricFamily>& families,
                   ExpositionFormat format);

// In the order in which they are written: by their labels, so that two scrapes
// of one state are the same bytes. Every label set once; where a family has one
// twice, the first series holds. The pointers are into `family`.
std::vector<const Series*> SortedSeries(const MetricFamily& family);

}  // namespace gunicorn_exporter
