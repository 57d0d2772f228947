// What a process's cgroups say of its share of the machine: CPU quota and the
// time it held them back, memory limit, processes killed for want of memory.
//
//               v2               v1
//     quota     cpu.max          cpu.cfs_quota_us, cpu.cfs_period_us
//     throttled cpu.stat         cpu.stat
//     memory    memory.max       memory.limit_in_bytes
//     kills     memory.events    memory.oom_control
//
// v2 below --path.cgroupfs (cgroup_tree.h), a v1 controller in a folder there
// that is called as /proc/PID/cgroup calls it ("4:cpu,cpuacct:/a"). Source:
// cgroups(7), Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst,
// scheduler/sched-bwc.rst.
//
// Thread rule: one thread at a time. What cannot be read is "nothing".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/process/read/cgroup_tree.h"

namespace gunicorn_exporter {

struct CgroupAccount {
  // Of the nearest cgroup upward that has one. `cgroup` is the path in its
  // hierarchy.
  struct CpuQuota {
    std::string cgroup;
    double cores = 0;
    std::uint64_t throttled_microseconds = 0;
  };
  struct MemoryLimit {
    std::string cgroup;
    std::uint64_t bytes = 0;
  };
  // Of the process's own cgroup and those below it.
  struct OomKills {
    std::string cgroup;
    std::uint64_t count = 0;
  };
  std::optional<CpuQuota> cpu;
  std::optional<MemoryLimit> memory;
  std::optional<OomKills> oom_kills;
};

class CgroupAccounts {
 public:
  explicit CgroupAccounts(const std::string& cgroupfs)
      : cgroupfs_(cgroupfs), tree_(cgroupfs) {}

  // `text` is the process's /proc/PID/cgroup.
  CgroupAccount Read(pid_t pid, std::string_view text);

  // The folder of the pod that the process is in; empty where it is in none, or
  // its folder cannot be seen.
  std::string PodFolder(pid_t pid, std::string_view text);

 private:
  // Where a controller's files of a process are: `folder` and `path` joined,
  // and upward.
  struct Place {
    std::string folder;
    std::string path;  // Never the root's.
    bool is_v1 = false;
  };
  std::optional<Place> Find(pid_t pid, std::string_view text,
                            std::string_view controller);

  const std::string cgroupfs_;
  CgroupTree tree_;
};

}  // namespace gunicorn_exporter
