// From what is remembered of the apps to what one scrape shows of them.
//
// Pure functions, safe from any thread.
#pragma once

#include <map>
#include <vector>

#include "collectors/app_status.h"
#include "collectors/process/app_registry.h"
#include "collectors/process/process_view.h"
#include "config/config.h"

namespace gunicorn_exporter {

using ProcessGroup = std::vector<const TrackedProcess*>;

// The living processes of each app.
std::map<AppId, ProcessGroup> GroupByApp(
    const std::map<ProcessKey, TrackedProcess>& processes);

// The is_running check. `addresses`: where the app's processes listen, as far
// as that is known; a message about orphaned workers names them. `upstreams`:
// what they wait for.
AppStatus ToStatus(const AppId& app, bool configured,
                   const ProcessGroup& processes,
                   const std::vector<ListenQueue>& addresses,
                   const std::vector<Upstream>& upstreams);

// What the kernel counts in, and since when.
struct KernelUnits {
  double ticks_per_second = 100;
  std::uint64_t page_bytes = 4096;
  double boot_time_seconds = 0;  // Unix seconds; 0: not known.
};

// What the process table tells of one app beside its status: counts, sums,
// start time, and slots, where an instance or its command line tells them.
void AddTotals(const AppRecord& record, const ProcessGroup& processes,
               const std::vector<InstanceConfig>& instances,
               const KernelUnits& units, AppView& view);

}  // namespace gunicorn_exporter
