// Families of series as delimited protobuf messages (metrics.proto), the only
// format that carries native histograms and the time when a count began.
//
// A histogram has its classic buckets and, where it keeps them, its native
// ones. A sampled line weighs 1/rate: where that makes a histogram's counts
// fractions, it is written as a float histogram (Prometheus from 2.42 on reads
// it), with the counts rounded beside, for readers that do not know of those; a
// summary's count is rounded, since it has whole counts only.
//
// Pure function, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

// Families in the order given, series by SortedSeries(). A family without a
// series is left out.
std::string WriteProtobuf(const std::vector<MetricFamily>& families);

}  // namespace gunicorn_exporter
