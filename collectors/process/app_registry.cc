#include "collectors/process/app_registry.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gunicorn_exporter {
namespace {

std::size_t Index(CpuRole role) { return static_cast<std::size_t>(role); }

// CPU time of one process never falls, whatever the kernel's rounding says.
void KeepHigherTicks(ProcessSnapshot& current, const ProcessSnapshot& before) {
  current.user_ticks = std::max(current.user_ticks, before.user_ticks);
  current.system_ticks = std::max(current.system_ticks, before.system_ticks);
}

}  // namespace

CpuRole ToCpuRole(ProcessRole role) {
  switch (role) {
    case ProcessRole::kMaster:
      return CpuRole::kMaster;
    case ProcessRole::kWorker:
    case ProcessRole::kOrphan:
      return CpuRole::kWorker;
    case ProcessRole::kDirtyArbiter:
    case ProcessRole::kDirtyWorker:
      break;
  }
  return CpuRole::kDirty;
}

const TrackedProcess* FindByPid(
    const std::map<ProcessKey, TrackedProcess>& processes, pid_t pid) {
  const auto known = processes.lower_bound({pid, 0});
  if (known == processes.end() || known->first.pid != pid) return nullptr;
  return &known->second;
}

AppRegistry::AppRegistry(const Config& config) { Reconfigure(config); }

void AppRegistry::Reconfigure(const Config& config) {
  if (pod_labels_ != config.process.pod_labels) {
    apps_.clear();
    processes_.clear();
    with_master_.clear();
  }
  pod_labels_ = config.process.pod_labels;
  discovery_ = config.discovery;
  configured_.clear();
  configured_names_.clear();
  for (const InstanceConfig& instance : config.instances) {
    const std::string& name = instance.proc_name;
    if (configured_names_.insert(name).second) configured_.push_back(name);
  }
  DropUnwanted();
  AddPlaceholders();
  ++generation_;
  ++apps_generation_;
}

bool AppRegistry::IsConfigured(const AppId& app) const {
  return configured_names_.contains(app.name);
}

bool AppRegistry::IsWanted(const AppId& app) const {
  return discovery_.enabled || IsConfigured(app);
}

// Apps that were configured before: those that run may now be discovered ones.
void AppRegistry::DropUnwanted() {
  std::erase_if(processes_,
                [&](const auto& entry) { return !IsWanted(entry.second.app); });
  const std::set<AppId> present = Present();
  std::erase_if(apps_, [&](const auto& entry) {
    const auto& [id, app] = entry;
    return !IsConfigured(id) &&
           (!discovery_.enabled || (app.configured && !present.contains(id)));
  });
  for (auto& [id, app] : apps_) app.configured = IsConfigured(id);
}

// A configured app that runs nowhere has an entry of its name alone.
void AppRegistry::AddPlaceholders() {
  for (const std::string& name : configured_) {
    const AppId named{name, "", ""};  // The first of its name.
    const auto known = apps_.lower_bound(named);
    if (known == apps_.end() || known->first.name != name) {
      apps_[named].configured = true;
    }
  }
}

void AppRegistry::Retire(const TrackedProcess& process, bool exited) {
  const auto app = apps_.find(process.app);
  if (app == apps_.end()) return;
  app->second.ended_cpu[Index(ToCpuRole(process.gunicorn.role))] +=
      process.CpuHere();
  if (exited &&
      (process.IsWorker() || process.gunicorn.role == ProcessRole::kOrphan)) {
    ++app->second.exited;
  }
}

void AppRegistry::Update(std::vector<TrackedProcess> found,
                         const std::vector<ProcessSnapshot>& ended,
                         TimePoint now, double unix_seconds) {
  for (const ProcessSnapshot& zombie : ended) {
    const auto known = processes_.find(zombie.key);
    if (known == processes_.end()) continue;
    KeepHigherTicks(known->second.gunicorn.process, zombie);
  }
  const std::vector<AppId> apps_before = OrderedApps();
  std::map<ProcessKey, TrackedProcess> next;
  std::set<AppId> renamed;
  std::map<AppId, std::set<std::string>> pods;
  for (TrackedProcess& process : found) {
    if (!IsWanted(process.app)) continue;
    AppRecord& app = apps_[process.app];
    if (process.IsMaster() || process.gunicorn.role == ProcessRole::kOrphan) {
      if (!app.seen) {
        app.first_seen = now;
        app.first_seen_seconds = unix_seconds;
      }
      app.last_seen = now;
      pods[process.app].insert(process.pod_folder);
    }
    TrackedProcess tracked = Track(std::move(process), app, renamed);
    next.emplace(tracked.key(), std::move(tracked));
  }
  if (!processes_.empty()) ++generation_;
  for (const auto& [key, gone] : processes_) Retire(gone, true);
  processes_ = std::move(next);
  const std::set<AppId> present = Present();
  // Only now: what came together with its app was not spawned before our eyes.
  for (const AppId& app : present) apps_[app].seen = true;
  for (auto& [app, folders] : pods) {
    if (folders.contains("")) folders.clear();
    apps_[app].pod_folders = std::move(folders);
  }

  std::erase_if(apps_, [&](const auto& entry) {
    return renamed.contains(entry.first) && !present.contains(entry.first);
  });
  Forget(now);
  if (OrderedApps() != apps_before) ++apps_generation_;
}

void AppRegistry::AddLostRequests(const AppId& app, std::uint64_t requests) {
  const auto known = apps_.find(app);
  if (known == apps_.end()) return;
  auto& lost = known->second.requests_lost;
  lost = lost.value_or(0) + requests;
}

// Takes the process out of processes_ where it was known.
TrackedProcess AppRegistry::Track(TrackedProcess found, AppRecord& app,
                                  std::set<AppId>& renamed) {
  TrackedProcess tracked;
  GunicornProcess& gunicorn = found.gunicorn;
  app.role_seen[Index(ToCpuRole(gunicorn.role))] = true;
  const auto known = processes_.find(gunicorn.process.key);
  if (known == processes_.end()) {
    ++generation_;
    if (app.seen && gunicorn.role == ProcessRole::kWorker) ++app.spawned;
  } else {
    tracked = std::move(known->second);
    processes_.erase(known);
    const GunicornProcess& before = tracked.gunicorn;
    KeepHigherTicks(gunicorn.process, before.process);
    if (tracked.app != found.app || before.role != gunicorn.role) {
      ++generation_;
      Retire(tracked, false);
      tracked.cpu_base = {before.process.user_ticks,
                          before.process.system_ticks};
      if (before.role == ProcessRole::kMaster) renamed.insert(tracked.app);
    }
  }
  tracked.gunicorn = std::move(gunicorn);
  tracked.app = std::move(found.app);
  tracked.pod_folder = std::move(found.pod_folder);
  return tracked;
}

void AppRegistry::FindEnded() {
  std::set<AppId> with_master;
  for (const auto& [key, process] : processes_) {
    if (!process.IsMaster()) continue;
    with_master.insert({process.app, {process.app.name, "", ""}});
  }
  std::set_difference(with_master_.begin(), with_master_.end(),
                      with_master.begin(), with_master.end(),
                      std::back_inserter(ended_));
  with_master_ = std::move(with_master);
}

std::set<AppId> AppRegistry::Present() const {
  std::set<AppId> present;
  for (const auto& [key, process] : processes_) present.insert(process.app);
  return present;
}

// A container of a configured name is one of many, as a discovered app is.
bool AppRegistry::IsPermanent(const AppId& id, const AppRecord& app) {
  return app.configured && id.pod_uid.empty() && id.container_id.empty();
}

bool AppRegistry::IsReplaced(const AppId& id, const AppRecord& app,
                             const std::set<AppId>& present) const {
  return !id.pod_uid.empty() &&
         std::any_of(present.begin(), present.end(), [&](const AppId& other) {
           return other.name == id.name && other.pod_uid == id.pod_uid &&
                  apps_.at(other).first_seen > app.last_seen;
         });
}

void AppRegistry::ForgetEndedPods(
    const std::function<bool(const std::string& folder)>& has_ended) {
  const std::set<AppId> present = Present();
  const auto forgotten = std::erase_if(apps_, [&](const auto& entry) {
    const auto& [id, app] = entry;
    return !present.contains(id) && !IsPermanent(id, app) &&
           !app.pod_folders.empty() &&
           std::all_of(app.pod_folders.begin(), app.pod_folders.end(),
                       has_ended);
  });
  if (forgotten == 0) return;
  AddPlaceholders();
  ++apps_generation_;
}

void AppRegistry::Forget(TimePoint now) {
  const std::set<AppId> present = Present();
  std::set<std::string> present_names;
  for (const AppId& app : present) present_names.insert(app.name);
  for (auto& [id, app] : apps_) app.configured = IsConfigured(id);
  std::erase_if(apps_, [&](const auto& entry) {
    const auto& [id, app] = entry;
    if (present.contains(id)) return false;
    // One that was never seen is a placeholder of its name.
    if (!app.seen) return !app.configured || present_names.contains(id.name);
    return !IsPermanent(id, app) &&
           (now - app.last_seen >= discovery_.forget_after ||
            IsReplaced(id, app, present));
  });
  AddPlaceholders();
}

std::vector<AppId> AppRegistry::OrderedApps() const {
  std::vector<AppId> order;
  for (const std::string& name : configured_) {
    for (auto app = apps_.lower_bound({name, "", ""});
         app != apps_.end() && app->first.name == name; ++app) {
      order.push_back(app->first);
    }
  }
  for (const auto& [id, app] : apps_) {
    if (!app.configured) order.push_back(id);
  }
  return order;
}

KnownGunicorns AppRegistry::Known() const {
  KnownGunicorns known;
  for (const auto& [key, process] : processes_) {
    const GunicornProcess& gunicorn = process.gunicorn;
    if (gunicorn.upgrading) {
      known.upgrading[key] = gunicorn.app;
    } else if (gunicorn.role == ProcessRole::kMaster) {
      known.masters[key] = gunicorn.app;
    }
    if (gunicorn.role == ProcessRole::kWorker ||
        gunicorn.role == ProcessRole::kOrphan) {
      known.workers[key] = gunicorn.app;
    }
  }
  return known;
}

}  // namespace gunicorn_exporter
