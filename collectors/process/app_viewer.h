// From what is remembered of the apps to what one scrape shows of them.
//
// Pure functions, safe from any thread.
#pragma once

#include <map>
#include <vector>

#include "collectors/app_status.h"
#include "collectors/process/app_registry.h"
#include "collectors/process/process_view.h"
#include "collectors/process/sockets/connection_sampler.h"
#include "config/config.h"

namespace gunicorn_exporter {

using ProcessGroup = std::vector<const TrackedProcess*>;

// The living processes of each app.
std::map<AppId, ProcessGroup> GroupByApp(
    const std::map<ProcessKey, TrackedProcess>& processes);

// The is_running check. `sockets`: by the last sample.
AppStatus ToStatus(const AppId& app, bool configured,
                   const ProcessGroup& processes, const AppSockets& sockets);

// What the kernel counts in, and since when.
struct KernelUnits {
  double ticks_per_second = 100;
  std::uint64_t page_bytes = 4096;
  double boot_time_seconds = 0;  // Unix seconds; 0: not known.
};

// What the process table tells of one app beside its status: counts, sums,
// start time, and settings, where they are told.
void AddTotals(const AppRecord& record, const ProcessGroup& processes,
               const std::vector<InstanceConfig>& instances,
               const KernelUnits& units, AppView& view);

}  // namespace gunicorn_exporter
