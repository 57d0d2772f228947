#include "collectors/process/detail_reader.h"

#include <algorithm>
#include <array>
#include <set>

#include "collectors/process/find/heartbeat.h"
#include "collectors/process/read/proc_parse.h"

namespace gunicorn_exporter {
namespace {

constexpr std::chrono::seconds kKeepShare{10};

}  // namespace

void DetailReader::Fill(const ProcessGroup& processes, AppView& view) {
  std::array<DetailSum, kCpuRoles> descriptors;
  std::array<DetailSum, kCpuRoles> shares;
  for (const TrackedProcess* process : processes) {
    const auto role =
        static_cast<std::size_t>(ToCpuRole(process->gunicorn.role));
    ReadDescriptors(*process, descriptors.at(role), view);
    AddShare(process->key(), shares.at(role));
  }
  for (std::size_t i = 0; i < view.roles.size(); ++i) {
    view.roles.at(i).open_fds = descriptors.at(i).Total();
    view.roles.at(i).proportional_bytes = shares.at(i).Total();
  }
  ReadOverflows(processes, view);
  ReadCgroups(processes, view);
}

void DetailReader::AddShare(const ProcessKey& key, DetailSum& sum) {
  if (sum.is_denied()) return;
  if (const auto share = ReadShare(key)) {
    sum.Add(*share);
  } else if (!reader_.HasGone(key.pid)) {
    sum.Deny();
  }
}

void DetailReader::ReadDescriptors(const TrackedProcess& process,
                                   DetailSum& sum, AppView& view) {
  if (sum.is_denied()) return;  // So are its siblings'.
  const ProcessKey& key = process.key();
  const auto links = reader_.ReadFds(key.pid);
  if (!links) {
    if (!reader_.HasGone(key.pid)) sum.Deny();
    return;
  }
  sum.Add(links->size());
  if (!process.IsWorker()) return;
  for (const FdLink& link : *links) {
    if (!IsHeartbeatFile(link.target)) continue;
    const auto times = reader_.StatFd(key.pid, link.fd);
    if (!times) continue;
    const double age = HeartbeatAge(*times, clocks_.monotonic_seconds(),
                                    clocks_.unix_seconds());
    view.heartbeat_age_seconds =
        std::max(age, view.heartbeat_age_seconds.value_or(age));
  }
}

std::optional<std::uint64_t> DetailReader::ReadShare(const ProcessKey& key) {
  MemoryShare& share = shares_[key];
  const auto now = clocks_.now();
  if (share.bytes && now - share.read_at < kKeepShare) return share.bytes;
  share.read_at = now;
  const auto text = reader_.Read(key.pid, "smaps_rollup");
  share.bytes = text ? ParsePss(*text) : std::nullopt;
  return share.bytes;
}

void DetailReader::ReadOverflows(const ProcessGroup& processes, AppView& view) {
  MonotonicSum& sum = sums_[view.status.app].overflows;
  std::set<std::uint64_t> seen;
  for (const TrackedProcess* process : processes) {
    if (!process->IsMaster()) continue;
    const pid_t pid = process->key().pid;
    const auto space = reader_.NetworkNamespace(pid);
    if (!space || !seen.insert(*space).second) continue;
    const auto text = reader_.Read(pid, "net/netstat");
    const auto overflows = text ? ParseListenOverflows(*text) : std::nullopt;
    if (overflows) sum.See(std::to_string(*space), *overflows);
  }
  view.listen_overflows = sum.Total();
}

// Limits of several cgroups add up; where one has none, there is none.
void DetailReader::ReadCgroups(const ProcessGroup& processes, AppView& view) {
  Sums& sums = sums_[view.status.app];
  std::map<std::string, double> cores;
  std::map<std::string, std::uint64_t> bytes;
  bool has_quota = true;
  bool has_limit = true;
  for (const TrackedProcess* process : processes) {
    if (!process->IsMaster()) continue;
    const pid_t pid = process->key().pid;
    const auto text = reader_.Read(pid, "cgroup");
    if (!text) continue;
    const CgroupAccount account = cgroups_.Read(pid, *text);
    has_quota = has_quota && account.cpu;
    has_limit = has_limit && account.memory;
    if (const auto& cpu = account.cpu) {
      cores[cpu->cgroup] = cpu->cores;
      sums.throttled_microseconds.See(cpu->cgroup, cpu->throttled_microseconds);
    }
    if (const auto& memory = account.memory) {
      bytes[memory->cgroup] = memory->bytes;
    }
    if (const auto& kills = account.oom_kills) {
      sums.oom_kills.See(kills->cgroup, kills->count);
    }
  }
  if (has_quota && !cores.empty()) {
    view.cpu_limit_cores = 0;
    for (const auto& [cgroup, limit] : cores) *view.cpu_limit_cores += limit;
  }
  if (has_limit && !bytes.empty()) {
    view.memory_limit_bytes = 0;
    for (const auto& [cgroup, limit] : bytes) *view.memory_limit_bytes += limit;
  }
  view.cpu_throttled_microseconds = sums.throttled_microseconds.Total();
  view.oom_kills = sums.oom_kills.Total();
}

void DetailReader::Forget(const std::map<ProcessKey, TrackedProcess>& living,
                          const std::map<AppId, AppRecord>& apps) {
  std::erase_if(shares_, [&](const auto& entry) {
    return !living.contains(entry.first);
  });
  std::erase_if(sums_,
                [&](const auto& entry) { return !apps.contains(entry.first); });
}

}  // namespace gunicorn_exporter
