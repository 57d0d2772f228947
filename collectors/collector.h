// A source of series, asked once per scrape.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

struct Collected {
  std::vector<MetricFamily> families;  // In any order.
  // Why not all of them are there, or not all are of now; empty: they are.
  std::string error;
};

class Collector {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  virtual ~Collector() = default;
  // Also the `collector` label's value: lower case, stable between releases.
  virtual std::string_view Name() const = 0;
  // May be called from several scrapes at once. Returns by the deadline, with
  // what it has by then.
  virtual Collected Collect(Deadline deadline) = 0;
};

}  // namespace gunicorn_exporter
