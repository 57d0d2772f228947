// The order in which a family's series are written: by their labels, so that
// two scrapes of the same state are the same bytes.
#pragma once

#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

// Every label set once; where a family has one twice, the first series holds.
// The pointers are into `family`.
std::vector<const Series*> SortedSeries(const MetricFamily& family);

}  // namespace gunicorn_exporter
