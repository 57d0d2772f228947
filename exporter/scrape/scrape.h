// One scrape: every collector is asked, its time taken, and families of one
// name from several collectors become one.
#pragma once

#include <chrono>
#include <vector>

#include "collectors/collector.h"

namespace gunicorn_exporter {

// Sorted by name; a name occurs once. Where two collectors disagree on the type
// of a family, the first one's holds and the other's series are left out.
std::vector<MetricFamily> MergeFamilies(std::vector<MetricFamily> families);

// Thread rule: any thread, several at once.
class Scraper {
 public:
  // In the order in which they are asked: what one finds out (an app that has
  // just started) stands in the answers of the next. One without a name has no
  // series of success. All outlive this.
  explicit Scraper(std::vector<Collector*> collectors);

  // A collector that says of an error has gunicorn_exporter_collector_success
  // 0; what it has is shown all the same.
  std::vector<MetricFamily> Collect(Collector::Deadline deadline);

 private:
  const std::vector<Collector*> collectors_;
};

}  // namespace gunicorn_exporter
