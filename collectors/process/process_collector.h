// The process side's series: one app of a ProcessView after the other.
#pragma once

#include <string_view>
#include <vector>

#include "collectors/collector.h"
#include "collectors/process/process_thread.h"
#include "collectors/process/process_view.h"

namespace gunicorn_exporter {

// Pure: what a view says, as families. `age_seconds`: how long ago the table
// was looked at. `ticks_per_second` is sysconf's _SC_CLK_TCK.
std::vector<MetricFamily> ToFamilies(const ProcessView& view,
                                     double age_seconds,
                                     double ticks_per_second);

class ProcessCollector : public Collector {
 public:
  // `thread` must outlive the collector.
  explicit ProcessCollector(ProcessThread& thread) : thread_(thread) {}

  std::string_view Name() const override { return "process"; }
  // Where the thread does not answer by the deadline, an older view's, with an
  // error that says so.
  Collected Collect(Deadline deadline) override;

 private:
  ProcessThread& thread_;
};

}  // namespace gunicorn_exporter
