#include "collectors/process/app_viewer.h"

#include <algorithm>
#include <string>

#include "collectors/process/sockets/upstreams.h"

namespace gunicorn_exporter {
namespace {

// "; 2 orphaned workers (pid 4711, 4712) still listen on 127.0.0.1:8000"
std::string OrphansMessage(const AppStatus& status,
                           const std::vector<ListenQueue>& addresses) {
  if (status.orphans.empty()) return {};
  const bool one = status.orphans.size() == 1;
  std::string text = "; " + std::to_string(status.orphans.size()) +
                     (one ? " orphaned worker (pid" : " orphaned workers (pid");
  for (const pid_t pid : status.orphans) {
    text += (pid == status.orphans.front() ? " " : ", ") + std::to_string(pid);
  }
  text += one ? ") still runs" : ") still run";
  if (status.masters > 0 || addresses.empty()) return text;
  for (const ListenQueue& queue : addresses) {
    text += (&queue == &addresses.front()
                 ? (one ? " and listens on " : " and listen on ")
                 : ", ") +
            queue.address;
  }
  return text;
}

std::string ToMessage(const AppStatus& status) {
  if (status.masters == 0) {
    return "Found no master process with name: gunicorn: master [" +
           status.app.name + "]";
  }
  const std::string masters = status.app.name + ": " +
                              std::to_string(status.masters) +
                              (status.masters == 1 ? " master" : " masters");
  if (!status.ok) return masters + " without a worker";
  const std::string idle = std::to_string(status.idle) + " idle";
  const std::string working = std::to_string(status.working) + " working";
  if (status.unknown == 0) {
    return masters + ", " + idle + " and " + working + " workers";
  }
  return masters + ", " + idle + ", " + working + " and " +
         std::to_string(status.unknown) + " unknown workers";
}

// "8 requests wait for 10.0.0.5:5432, the oldest for 12 s; 1 request waits for
// [::1]:6379, for 3 s"
std::string ToWaits(const std::vector<Upstream>& upstreams) {
  constexpr double kWorthSaying = 1;  // Seconds.
  std::string text;
  for (const Upstream& upstream : upstreams) {
    if (upstream.oldest_wait_seconds < kWorthSaying) continue;
    if (!text.empty()) text += "; ";
    text += upstream.waits == 1
                ? "1 request waits for "
                : std::to_string(upstream.waits) + " requests wait for ";
    text +=
        upstream.peer == Upstreams::kOtherPeers ? "other peers" : upstream.peer;
    text += upstream.waits == 1 ? ", for " : ", the oldest for ";
    text += std::to_string(
                static_cast<std::uint64_t>(upstream.oldest_wait_seconds)) +
            " s";
  }
  return text;
}

std::vector<WorkerStatus> ToWorkers(const ProcessGroup& processes,
                                    const AppSockets& sockets) {
  std::vector<WorkerStatus> workers;
  for (const TrackedProcess* process : processes) {
    if (!process->IsWorker()) continue;
    const ProcessKey& key = process->key();
    const auto held = sockets.by_worker.find(key);
    const bool is_told = held != sockets.by_worker.end();
    if (sockets.told && !is_told) continue;
    WorkerStatus& worker = workers.emplace_back();
    worker.pid = key.pid;
    worker.state = process->state;
    if (!is_told) continue;
    worker.requests_in_progress = held->second.requests.count;
    worker.oldest_request_seconds = held->second.requests.oldest_seconds;
  }
  return workers;
}

// 0: not said.
unsigned ThreadsOf(const AppId& app,
                   const std::vector<InstanceConfig>& instances) {
  for (const InstanceConfig& instance : instances) {
    if (instance.proc_name == app.name) return instance.threads;
  }
  return 0;
}

// Nothing where it is not told of each worker.
std::optional<std::uint64_t> CountSlots(const ProcessGroup& processes,
                                        unsigned threads) {
  std::uint64_t slots = 0;
  for (const TrackedProcess* process : processes) {
    if (!process->IsWorker()) continue;
    const std::optional<unsigned>& told = process->gunicorn.settings.slots;
    if (threads == 0 && !told) return std::nullopt;
    slots += threads == 0 ? *told : threads;
  }
  return slots;
}

}  // namespace

std::map<AppId, ProcessGroup> GroupByApp(
    const std::map<ProcessKey, TrackedProcess>& processes) {
  std::map<AppId, ProcessGroup> groups;
  for (const auto& [key, process] : processes) {
    groups[process.app].push_back(&process);
  }
  return groups;
}

AppStatus ToStatus(const AppId& app, bool configured,
                   const ProcessGroup& processes, const AppSockets& sockets) {
  AppStatus status;
  status.app = app;
  status.configured = configured;
  for (const TrackedProcess* process : processes) {
    const GunicornProcess& gunicorn = process->gunicorn;
    if (gunicorn.role == ProcessRole::kMaster) {
      ++status.masters;
      status.titled = status.titled && gunicorn.titled;
      if (!gunicorn.settings.worker_class.empty()) {
        status.worker_class = gunicorn.settings.worker_class;
      }
    } else if (gunicorn.role == ProcessRole::kOrphan) {
      status.orphans.push_back(gunicorn.process.key.pid);
    } else if (gunicorn.role == ProcessRole::kWorker) {
      switch (process->state) {
        case WorkerState::kIdle:
          ++status.idle;
          break;
        case WorkerState::kWorking:
          ++status.working;
          break;
        case WorkerState::kUnknown:
          ++status.unknown;
          break;
      }
    }
  }
  status.ok = status.masters > 0 && status.Workers() > 0;
  status.worker_list = ToWorkers(processes, sockets);
  status.waits = ToWaits(sockets.upstreams);
  status.message =
      ToMessage(status) + OrphansMessage(status, sockets.listen_queues);
  if (!status.waits.empty()) status.message += "; " + status.waits;
  return status;
}

void AddTotals(const AppRecord& record, const ProcessGroup& processes,
               const std::vector<InstanceConfig>& instances,
               const KernelUnits& units, AppView& view) {
  if (view.status.Workers() > 0) {
    view.request_slots =
        CountSlots(processes, ThreadsOf(view.status.app, instances));
  }
  view.first_seen_seconds = record.first_seen_seconds;
  view.spawned = record.spawned;
  view.exited = record.exited;
  view.requests_lost = record.requests_lost;
  for (std::size_t role = 0; role < kCpuRoles; ++role) {
    view.roles.at(role).seen = record.role_seen.at(role);
    view.roles.at(role).cpu = record.ended_cpu.at(role);
  }
  for (const TrackedProcess* process : processes) {
    const GunicornProcess& gunicorn = process->gunicorn;
    const ProcessSnapshot& snapshot = gunicorn.process;
    RoleView& role =
        view.roles.at(static_cast<std::size_t>(ToCpuRole(gunicorn.role)));
    const std::uint64_t resident = snapshot.resident_pages * units.page_bytes;
    ++role.processes;
    role.cpu += process->CpuHere();
    role.threads += snapshot.threads;
    role.resident_bytes += resident;
    if (gunicorn.role == ProcessRole::kMaster && units.boot_time_seconds > 0) {
      const double start =
          units.boot_time_seconds +
          static_cast<double>(snapshot.key.start_time) / units.ticks_per_second;
      view.master_start_seconds =
          std::min(start, view.master_start_seconds.value_or(start));
    }
    const auto& timeout = gunicorn.settings.timeout_seconds;
    if (gunicorn.role == ProcessRole::kMaster && timeout) {
      view.worker_timeout_seconds =
          std::min(*timeout, view.worker_timeout_seconds.value_or(*timeout));
    }
    if (gunicorn.role == ProcessRole::kDirtyArbiter) view.dirty_arbiter = true;
    if (gunicorn.role == ProcessRole::kDirtyWorker) ++view.dirty_workers;
    if (gunicorn.role == ProcessRole::kWorker) {
      WorkerView worker;
      worker.key = snapshot.key;
      worker.cpu = {snapshot.user_ticks, snapshot.system_ticks};
      worker.resident_bytes = resident;
      view.workers.push_back(worker);
    }
  }
}

}  // namespace gunicorn_exporter
