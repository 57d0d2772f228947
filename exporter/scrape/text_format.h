// Families of series as text: Prometheus' text format 0.0.4 and OpenMetrics
// 1.0.0, which differ in these points:
//
//                      0.0.4                      OpenMetrics
//     a counter's      # TYPE a_total counter     # TYPE a counter
//     family           a_total 1                  a_total 1
//     one that         # TYPE b counter           # TYPE b unknown
//     keeps_name       b 1                        b 1
//     HELP escapes     \ and newline              \, newline and "
//     le, quantile     le="1"                     le="1.0"
//     unknown type     untyped                    unknown
//     end                                         # EOF
//
//     bucket, count    12.5                       13, since it wants whole ones
//
// (A sampled line weighs 1/rate, so that counts need not be whole; counters and
// sums keep their fraction in both.) `_created` lines are left out, since a
// Prometheus would store each as a series of its own; protobuf carries the
// time.
//
// Pure functions, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

// Families in the order given, series by SortedSeries(). A family without a
// series is left out.
std::string WriteText(const std::vector<MetricFamily>& families);
std::string WriteOpenMetrics(const std::vector<MetricFamily>& families);

}  // namespace gunicorn_exporter
