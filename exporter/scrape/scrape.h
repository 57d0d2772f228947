// One scrape: every collector is asked, its time taken, and families of one
// name from several collectors become one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "collectors/collector.h"
#include "exporter/scrape/self_metrics.h"

namespace gunicorn_exporter {

// Sorted by name; a name occurs once. Where two collectors disagree on the type
// of a family, the first one's holds and the other's series are left out.
std::vector<MetricFamily> MergeFamilies(std::vector<MetricFamily> families);

// Asks each collector in a thread of its own, so that one that hangs (a procfs
// that does not answer) costs its own series only.
//
// Thread rule: any thread, several at once.
class Scraper {
 public:
  using Clock = std::chrono::steady_clock;

  Scraper(std::vector<std::shared_ptr<Collector>> collectors,
          SelfMetrics& self_metrics);

  // A collector that fails, or has not answered by the deadline, is left out
  // and has gunicorn_exporter_collector_success 0. Without a deadline, waits.
  std::vector<MetricFamily> Collect(std::optional<Clock::time_point> deadline);

  // Waits for calls that outlived their scrape; false when some still run at
  // the deadline. Destroying what they use is then not safe.
  bool Drain(Clock::time_point deadline);

 private:
  struct Call;
  struct Running;

  std::shared_ptr<Call> Start(std::shared_ptr<Collector> collector);
  bool Finish(Call& call, Collector& collector,
              std::optional<Clock::time_point> deadline,
              std::vector<MetricFamily>& families);

  const std::vector<std::shared_ptr<Collector>> collectors_;
  SelfMetrics& self_metrics_;
  const std::shared_ptr<Running> running_;
};

}  // namespace gunicorn_exporter
