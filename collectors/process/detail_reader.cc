#include "collectors/process/detail_reader.h"

#include <algorithm>
#include <array>
#include <set>

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
    AddShare(process->gunicorn.process.key, shares.at(role));
  }
  for (std::size_t i = 0; i < view.roles.size(); ++i) {
    view.roles.at(i).open_fds = descriptors.at(i).Total();
    view.roles.at(i).proportional_bytes = shares.at(i).Total();
  }
  ReadOverflows(processes, view);
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
  const ProcessKey& key = process.gunicorn.process.key;
  const auto links = reader_.ReadFds(key.pid);
  if (!links) {
    if (!reader_.HasGone(key.pid)) sum.Deny();
    return;
  }
  sum.Add(links->size());
  if (process.gunicorn.role != ProcessRole::kWorker) return;
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

bool IsHeartbeatFile(std::string_view target) {
  const auto slash = target.rfind('/');
  return slash != std::string_view::npos &&
         target.substr(slash + 1).starts_with("wgunicorn-");
}

double HeartbeatAge(const FileTimes& times, double monotonic_seconds,
                    double unix_seconds) {
  // A time of day lies decades after 1970, no machine runs that long.
  const bool is_monotonic = times.modified > 0 &&
                            times.modified <= monotonic_seconds &&
                            monotonic_seconds < times.changed / 2;
  return std::max(0.0, is_monotonic ? monotonic_seconds - times.modified
                                    : unix_seconds - times.changed);
}

}  // namespace gunicorn_exporter
