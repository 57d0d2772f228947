// A source of series, asked once per scrape.
#pragma once

#include <string_view>
#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

class Collector {
 public:
  virtual ~Collector() = default;
  // Also the `collector` label's value: lower case, stable between releases.
  virtual std::string_view Name() const = 0;
  // May be called from several scrapes at once. Throws only when it has nothing
  // at all to report; otherwise returns what it could read. Families in any
  // order.
  virtual std::vector<MetricFamily> Collect() = 0;
};

}  // namespace gunicorn_exporter
