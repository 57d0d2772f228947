#include "collectors/process/detail_reader.h"

#include <algorithm>
#include <set>

#include "collectors/process/heartbeat.h"
#include "collectors/process/proc_parse.h"

namespace gunicorn_exporter {
namespace {

constexpr std::chrono::seconds kKeepShare{10};

}  // namespace

void DetailReader::Fill(const ProcessGroup& processes, AppView& view) {
  for (RoleView& role : view.roles) {
    if (role.processes == 0) continue;
    role.open_fds = 0;
    role.proportional_bytes = 0;
  }
  for (const TrackedProcess* process : processes) {
    RoleView& role = view.roles.at(
        static_cast<std::size_t>(ToCpuRole(process->gunicorn.role)));
    ReadDescriptors(*process, role, view);
    if (!role.proportional_bytes) continue;
    const auto share = ReadShare(process->gunicorn.process.key);
    if (share) {
      *role.proportional_bytes += *share;
    } else {
      role.proportional_bytes.reset();
    }
  }
  ReadOverflows(processes, view);
}

void DetailReader::ReadDescriptors(const TrackedProcess& process,
                                   RoleView& role, AppView& view) {
  if (!role.open_fds) return;  // Denied before: its siblings are too.
  const pid_t pid = process.gunicorn.process.key.pid;
  const auto links = reader_.ReadFds(pid);
  if (!links) {
    // One that has just gone holds none.
    if (reader_.ReadQuietly(pid, "stat")) role.open_fds.reset();
    return;
  }
  *role.open_fds += links->size();
  if (process.gunicorn.role != ProcessRole::kWorker) return;
  for (const FdLink& link : *links) {
    if (!IsHeartbeatFile(link.target)) continue;
    const auto times = reader_.StatFd(pid, link.fd);
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
  OverflowCounter& counter = overflows_[view.status.app];
  std::set<std::uint64_t> seen;
  for (const TrackedProcess* process : processes) {
    if (process->gunicorn.role != ProcessRole::kMaster) continue;
    const pid_t pid = process->gunicorn.process.key.pid;
    const auto space = reader_.NetworkNamespace(pid);
    if (!space || !seen.insert(*space).second) continue;
    const auto text = reader_.Read(pid, "net/netstat");
    const auto overflows = text ? ParseListenOverflows(*text) : std::nullopt;
    if (overflows) counter.See(*space, *overflows);
  }
  view.listen_overflows = counter.Total();
}

void DetailReader::Forget(const std::map<ProcessKey, TrackedProcess>& living,
                          const std::map<AppId, AppRecord>& apps) {
  std::erase_if(shares_, [&](const auto& entry) {
    return !living.contains(entry.first);
  });
  std::erase_if(overflows_,
                [&](const auto& entry) { return !apps.contains(entry.first); });
}

}  // namespace gunicorn_exporter
