// What is remembered of gunicorns between two looks at the process table: which
// processes belong to which app, its counters, and apps that have gone.
//
// Counters. A worker counts as spawned when it appears in an app that was seen
// before, as exited when it is gone; those there at the first sight count as
// neither. CPU time is the sum over the processes that live and those that have
// ended, as of the last look at each: what a process burned after that look is
// lost (its parent's cutime would have it, but mixed with helpers and dirty
// workers). A process that changes its app or role takes nothing with it: the
// old one keeps what was burned so far. So no counter ever falls.
//
// Forgetting. A configured app stays for ever. A discovered one stays for
// `discovery.forget_after` after its last master; an app whose master took
// another name (a reload, a promoted master) goes at once. So does a discovered
// app of which nothing is left when its pod has ended, and a container that its
// pod has replaced, once the next one runs.
//
// Pure: no I/O, time is given in. Thread rule: one thread at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/app_status.h"
#include "collectors/process/find/gunicorn_app.h"
#include "config/config.h"

namespace gunicorn_exporter {

// The `role` label: a dirty arbiter and its workers are one.
enum class CpuRole : std::uint8_t { kMaster, kWorker, kDirty };
inline constexpr std::size_t kCpuRoles = 3;

CpuRole ToCpuRole(ProcessRole role);

struct CpuTicks {
  std::uint64_t user = 0;
  std::uint64_t system = 0;

  CpuTicks& operator+=(const CpuTicks& other) {
    user += other.user;
    system += other.system;
    return *this;
  }
};

struct TrackedProcess {
  GunicornProcess gunicorn;
  AppId app;
  std::string pod_folder;  // Of its master's pod; empty: not known, or none.
  CpuTicks cpu_base;       // Burned before it came to this app and role.
  const ProcessKey& key() const { return gunicorn.process.key; }
  bool IsMaster() const { return gunicorn.role == ProcessRole::kMaster; }
  bool IsWorker() const { return gunicorn.role == ProcessRole::kWorker; }
  CpuTicks CpuHere() const {
    return {gunicorn.process.user_ticks - cpu_base.user,
            gunicorn.process.system_ticks - cpu_base.system};
  }
  WorkerState state = WorkerState::kIdle;  // Of a worker, by the last sample.
  bool sampled = false;                    // A sample has been taken.
  std::uint64_t sampled_ticks = 0;         // CPU time at the last sample.
};

// The process of that pid; null where there is none.
const TrackedProcess* FindByPid(
    const std::map<ProcessKey, TrackedProcess>& processes, pid_t pid);

struct AppRecord {
  bool configured = false;
  bool seen = false;  // A master, or a worker that outlived it, was there.
  std::chrono::steady_clock::time_point first_seen;
  std::chrono::steady_clock::time_point last_seen;
  // Of its masters' pods when they were last seen. Empty where one of them was
  // in none.
  std::set<std::string> pod_folders;
  double first_seen_seconds = 0;  // Unix seconds; 0: never.
  std::uint64_t spawned = 0;
  std::uint64_t exited = 0;
  // Nothing where no sample has told which worker has which requests in hand.
  std::optional<std::uint64_t> requests_lost;
  // Of processes that ended, by CpuRole.
  std::array<CpuTicks, kCpuRoles> ended_cpu{};
  std::array<bool, kCpuRoles> role_seen{};
};

class AppRegistry {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit AppRegistry(const Config& config);

  // Whether an app of this name is kept: the rest of the id does not matter.
  bool IsWanted(const AppId& app) const;

  // What a reload changes: apps of instances that are gone go too.
  void Reconfigure(const Config& config);

  // One look at the table: `found` are the gunicorn processes that live,
  // `ended` those whose last CPU time can still be read (zombies).
  void Update(std::vector<TrackedProcess> found,
              const std::vector<ProcessSnapshot>& ended, TimePoint now,
              double unix_seconds);

  // `has_ended` is asked of the folders of pods.
  void ForgetEndedPods(
      const std::function<bool(const std::string& folder)>& has_ended);

  // Of an app that is known.
  void AddLostRequests(const AppId& app, std::uint64_t requests);
  // After an Update with the whole table: which apps have lost their last
  // master since the last call.
  void FindEnded();
  // Those found; the name alone where all containers of it have.
  std::vector<AppId> TakeEnded() { return std::exchange(ended_, {}); }

  const std::map<AppId, AppRecord>& apps() const { return apps_; }
  std::map<ProcessKey, TrackedProcess>& processes() { return processes_; }
  const std::map<ProcessKey, TrackedProcess>& processes() const {
    return processes_;
  }
  // Configured apps in the order of the configuration, then discovered ones.
  std::vector<AppId> OrderedApps() const;
  KnownGunicorns Known() const;

  // Changes with every process that comes, goes or changes its app.
  std::uint64_t generation() const { return generation_; }
  // Changes with every app that comes or goes.
  std::uint64_t apps_generation() const { return apps_generation_; }

 private:
  bool IsConfigured(const AppId& app) const;
  TrackedProcess Track(TrackedProcess found, AppRecord& app,
                       std::set<AppId>& renamed);
  void Retire(const TrackedProcess& process, bool exited);
  void DropUnwanted();
  void AddPlaceholders();
  void Forget(TimePoint now);
  // Stays although nothing is left of it.
  static bool IsPermanent(const AppId& id, const AppRecord& app);
  bool IsReplaced(const AppId& id, const AppRecord& app,
                  const std::set<AppId>& present) const;
  std::set<AppId> Present() const;

  DiscoveryConfig discovery_;
  bool pod_labels_ = false;
  std::vector<std::string> configured_;  // Names, in order.
  std::set<std::string> configured_names_;
  std::map<AppId, AppRecord> apps_;
  std::map<ProcessKey, TrackedProcess> processes_;
  std::set<AppId> with_master_;  // At the last FindEnded; names alone, too.
  std::vector<AppId> ended_;
  std::uint64_t generation_ = 0;
  std::uint64_t apps_generation_ = 0;
};

}  // namespace gunicorn_exporter
