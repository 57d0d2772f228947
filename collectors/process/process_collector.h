// The process side's series: one app of a ProcessView after the other.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "collectors/collector.h"
#include "collectors/process/process_view.h"
#include "collectors/process/read/read_errors.h"
#include "config/config.h"

namespace gunicorn_exporter {

class ProcessMonitor;

// Pure: what the view says, as families. `ticks_per_second` is sysconf's
// _SC_CLK_TCK.
std::vector<MetricFamily> ToFamilies(const ProcessView& view,
                                     const ReadErrors::Counts& errors,
                                     const Config& config,
                                     double ticks_per_second);

class ProcessCollector : public Collector {
 public:
  // `monitor` must outlive the collector. The configuration in force is the
  // monitor's.
  explicit ProcessCollector(ProcessMonitor& monitor) : monitor_(monitor) {}

  std::string_view Name() const override { return "process"; }
  // Throws when the process table cannot be read.
  std::vector<MetricFamily> Collect() override;

 private:
  ProcessMonitor& monitor_;
};

}  // namespace gunicorn_exporter
