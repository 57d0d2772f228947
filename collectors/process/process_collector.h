// The process side's series: one app of a ProcessView after the other.
#pragma once

#include <string_view>
#include <vector>

#include "collectors/collector.h"
#include "collectors/process/process_thread.h"
#include "collectors/process/process_view.h"

namespace gunicorn_exporter {

// Pure: what a view says, as families. `ticks_per_second` is TicksPerSecond().
std::vector<MetricFamily> ToFamilies(const ProcessView& view,
                                     double ticks_per_second);

class ProcessCollector : public Collector {
 public:
  // `thread` must outlive the collector.
  explicit ProcessCollector(ProcessThread& thread) : thread_(thread) {}

  std::string_view Name() const override { return "process"; }
  // Where the thread does not answer by the deadline, an error and how old the
  // last view is: what it tells of the apps may not hold any more.
  Collected Collect(Deadline deadline) override;

 private:
  ProcessThread& thread_;
};

}  // namespace gunicorn_exporter
