#include "collectors/process/sockets/sole_owners.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/process/read/cgroup.h"
#include "collectors/process/read/proc_parse.h"

namespace gunicorn_exporter {
namespace {

constexpr int kRememberSamples = 10;
// How deep below a gunicorn, or above one, a process is looked for.
constexpr int kMostGenerations = 16;

bool IsStarter(std::string_view comm) {
  constexpr std::array<std::string_view, 10> kStarters = {
      "sh",        "bash",        "dash",      "ash",       "tini",
      "dumb-init", "docker-init", "catatonit", "s6-svscan", "s6-supervise"};
  return std::find(kStarters.begin(), kStarters.end(), comm) != kStarters.end();
}

}  // namespace

void SoleOwners::Update(const std::map<ProcessKey, TrackedProcess>& processes,
                        std::uint64_t generation) {
  processes_ = &processes;
  by_cgroup_.reset();
  const bool changed = std::exchange(generation_, generation) != generation;
  if (!changed && samples_left_-- > 0) return;
  samples_left_ = kRememberSamples;
  homes_.clear();
  by_user_.reset();
}

const SoleOwners::Home& SoleOwners::HomeOf(const ProcessKey& master) {
  const auto [known, is_new] = homes_.try_emplace(master);
  Home& home = known->second;
  if (!is_new) return home;
  if (const auto text = reader_.ReadQuietly(master.pid, "cgroup")) {
    if (const auto path = ParseUnifiedCgroup(*text)) {
      home.cgroup = cgroups_.Resolve(*path);
    }
  }
  if (const auto text = reader_.ReadQuietly(master.pid, "status")) {
    home.user = ParseEffectiveUid(*text);
  }
  pid_t pid = master.pid;
  for (int depth = 0; depth < kMostGenerations && pid > 0; ++depth) {
    const auto text = reader_.ReadQuietly(pid, "stat");
    const auto stat = text ? ParseProcStat(*text) : std::nullopt;
    if (!stat) break;
    if (depth > 0 && IsStarter(stat->comm)) home.starters.insert(pid);
    pid = stat->ppid;
  }
  return home;
}

bool SoleOwners::IsOf(const AppId& app, pid_t pid) {
  pid_t ancestor = pid;
  for (int depth = 0; depth < kMostGenerations && ancestor > 0; ++depth) {
    if (const TrackedProcess* known = FindByPid(*processes_, ancestor)) {
      return known->app == app;
    }
    const auto text = reader_.ReadQuietly(ancestor, "stat");
    const auto stat = text ? ParseProcStat(*text) : std::nullopt;
    // What has ended has no sockets.
    if (depth == 0 && (stat ? stat->state == 'Z' : reader_.HasGone(pid))) {
      return true;
    }
    if (!stat) break;
    ancestor = stat->ppid;
  }
  return std::any_of(
      processes_->begin(), processes_->end(), [&](const auto& entry) {
        return entry.second.app == app && entry.second.IsMaster() &&
               HomeOf(entry.first).starters.contains(pid);
      });
}

bool SoleOwners::AreOf(const AppId& app, const std::vector<pid_t>& pids) {
  return std::all_of(pids.begin(), pids.end(),
                     [&](pid_t pid) { return pid > 0 && IsOf(app, pid); });
}

std::optional<AppId> SoleOwners::OfCgroup(std::uint64_t id) {
  if (!by_cgroup_) {
    by_cgroup_.emplace();
    for (const auto& [key, process] : *processes_) {
      if (!process.IsMaster()) continue;
      const auto path = HomeOf(key).cgroup;
      const auto cgroup = path ? cgroups_.Id(*path) : std::nullopt;
      if (!cgroup || by_cgroup_->contains(*cgroup)) continue;
      const auto pids = cgroups_.Processes(*path);
      auto& owner = (*by_cgroup_)[*cgroup];
      if (pids && AreOf(process.app, *pids)) owner = process.app;
    }
  }
  const auto found = by_cgroup_->find(id);
  return found == by_cgroup_->end() ? std::nullopt : found->second;
}

std::set<std::uint64_t> SoleOwners::CgroupsOf(const AppId& app) {
  std::set<std::uint64_t> ids;
  for (const auto& [key, process] : *processes_) {
    if (process.app != app || !process.IsMaster()) continue;
    const auto path = HomeOf(key).cgroup;
    const auto id = path ? cgroups_.Id(*path) : std::nullopt;
    if (!id || OfCgroup(*id) != app) return {};
    ids.insert(*id);
  }
  return ids;
}

bool SoleOwners::HasPodAlone(const AppId& app) {
  bool has_master = false;
  for (const auto& [key, process] : *processes_) {
    if (process.app != app || !process.IsMaster()) continue;
    has_master = true;
    const auto path = HomeOf(key).cgroup;
    const std::string pod = path ? PodCgroup(*path) : "";
    // A pod of the host's network shares it with the whole machine.
    const auto space = reader_.NetworkNamespace(key.pid);
    if (pod.empty() || !space || space == reader_.OwnNetworkNamespace() ||
        space == reader_.NetworkNamespace(1)) {
      return false;
    }
    auto pids = cgroups_.ProcessesBelow(pod);
    if (!pids) return false;
    std::erase_if(*pids, [&](pid_t pid) {
      const auto comm = reader_.ReadQuietly(pid, "comm");
      return comm && *comm == "pause\n";
    });
    if (!AreOf(app, *pids)) return false;
  }
  return has_master;
}

std::optional<AppId> SoleOwners::OfUser(uid_t user) {
  if (!by_user_) FindUsers();
  const auto found = by_user_->find(user);
  return found == by_user_->end() ? std::nullopt : found->second;
}

void SoleOwners::FindUsers() {
  by_user_.emplace();
  for (const auto& [key, process] : *processes_) {
    if (!process.IsMaster()) continue;
    const auto user = HomeOf(key).user;
    if (user && *user != 0) by_user_->emplace(*user, process.app);
  }
  std::vector<pid_t> pids;
  if (by_user_->empty()) return;
  if (!reader_.ListPids(pids)) by_user_->clear();
  for (const pid_t pid : pids) {
    // The folder of a process that changed its user may be root's.
    const auto owner = reader_.Owner(pid);
    if (!owner || (*owner != 0 && !by_user_->contains(*owner))) continue;
    const auto text = reader_.ReadQuietly(pid, "status");
    const auto user = text ? ParseEffectiveUid(*text) : std::nullopt;
    if (!user) continue;
    const auto claimed = by_user_->find(*user);
    if (claimed != by_user_->end() && claimed->second &&
        !IsOf(*claimed->second, pid)) {
      claimed->second.reset();
    }
  }
}

}  // namespace gunicorn_exporter
