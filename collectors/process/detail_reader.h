// What only a scrape needs of an app's processes, beyond stat: open
// descriptors, memory shares, heartbeats, its network namespaces' overflows,
// its cgroups' limits.
//
// Thread rule: one thread at a time. A role of which one process cannot be read
// has no sum.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "collectors/process/app_viewer.h"
#include "collectors/process/monitor_clocks.h"
#include "collectors/process/monotonic_sum.h"
#include "collectors/process/process_view.h"
#include "collectors/process/read/cgroup_account.h"
#include "collectors/process/read/proc_reader.h"

namespace gunicorn_exporter {

// A sum over the processes of a role. Unknown where one of them may not be read
// or none could be; one that has just gone adds nothing.
class DetailSum {
 public:
  void Add(std::uint64_t value) { total_ = total_.value_or(0) + value; }
  void Deny() { is_denied_ = true; }
  bool is_denied() const { return is_denied_; }
  std::optional<std::uint64_t> Total() const {
    return is_denied_ ? std::nullopt : total_;
  }

 private:
  std::optional<std::uint64_t> total_;
  bool is_denied_ = false;
};

class DetailReader {
 public:
  // All must outlive this.
  DetailReader(ProcReader& reader, CgroupAccounts& cgroups,
               const MonitorClocks& clocks)
      : reader_(reader), clocks_(clocks), cgroups_(cgroups) {}

  void Fill(const ProcessGroup& processes, AppView& view);

  // Drops what is remembered of processes and apps that are gone.
  void Forget(const std::map<ProcessKey, TrackedProcess>& living,
              const std::map<AppId, AppRecord>& apps);

 private:
  // The kernel walks all pages of a process for it, so it is kept a while.
  struct MemoryShare {
    std::chrono::steady_clock::time_point read_at;
    std::optional<std::uint64_t> bytes;
  };

  std::optional<std::uint64_t> ReadShare(const ProcessKey& key);
  void AddShare(const ProcessKey& key, DetailSum& sum);
  void ReadDescriptors(const TrackedProcess& process, DetailSum& sum,
                       AppView& view);
  void ReadOverflows(const ProcessGroup& processes, AppView& view);
  void ReadCgroups(const ProcessGroup& processes, AppView& view);

  ProcReader& reader_;
  const MonitorClocks& clocks_;
  std::map<ProcessKey, MemoryShare> shares_;
  CgroupAccounts& cgroups_;
  // What the kernel counts for an app.
  struct Sums {
    MonotonicSum overflows;
    MonotonicSum throttled_microseconds;
    MonotonicSum oom_kills;
  };
  std::map<AppId, Sums> sums_;
};

}  // namespace gunicorn_exporter
