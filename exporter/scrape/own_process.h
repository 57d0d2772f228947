// The standard process_* family, about this process itself.
#pragma once

#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

// What cannot be read is left out. `start_seconds`: Unix time. Any thread.
std::vector<MetricFamily> OwnProcessFamilies(double start_seconds);

}  // namespace gunicorn_exporter
