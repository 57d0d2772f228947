// One scrape: every collector is asked, its time taken, and families of one
// name from several collectors become one.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "collectors/collector.h"

namespace gunicorn_exporter {

// Sorted by name; a name occurs once. Where two collectors disagree on the type
// of a family, the first one's holds and the other's series are left out.
std::vector<MetricFamily> MergeFamilies(std::vector<MetricFamily> families);

}  // namespace gunicorn_exporter
