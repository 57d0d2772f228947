#include "collectors/process/process_collector.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "collectors/app_labels.h"

namespace gunicorn_exporter {
namespace {

constexpr std::array<const char*, kCpuRoles> kRoleNames = {"master", "worker",
                                                           "dirty"};

// The families that this collector can fill; those without a series are left
// out.
class Families {
 public:
  MetricFamily& Get(std::string_view name, MetricType type,
                    std::string_view help) {
    const auto known = std::find_if(
        families_.begin(), families_.end(),
        [&](const MetricFamily& family) { return family.name == name; });
    if (known != families_.end()) return *known;
    MetricFamily& family = families_.emplace_back();
    family.name = name;
    family.type = type;
    family.help = help;
    return family;
  }

  // These add a series where there is a value. `created`: Unix seconds; 0: not
  // known.
  void Gauge(std::string_view name, std::string_view help, LabelSetPtr common,
             LabelSetPtr own, std::optional<double> value) {
    if (!value) return;
    AddSeries(Get(name, MetricType::kGauge, help), std::move(common),
              std::move(own), *value);
  }

  void Counter(std::string_view name, std::string_view help, LabelSetPtr common,
               LabelSetPtr own, std::optional<double> value, double created) {
    if (!value) return;
    AddSeries(Get(name, MetricType::kCounter, help), std::move(common),
              std::move(own), *value, created);
  }

  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
};

class AppWriter {
 public:
  AppWriter(Families& families, const AppView& app, const Config& config,
            double ticks_per_second)
      : families_(families),
        app_(app),
        config_(config),
        ticks_per_second_(ticks_per_second),
        labels_(MakeAppLabels(app.status.app, config)) {}

  void Write() {
    WriteCheck();
    for (std::size_t role = 0; role < kCpuRoles; ++role) WriteRole(role);
    WriteSockets();
    WriteCgroups();
    WriteInfo();
    if (config_.process.per_worker) WriteWorkers();
  }

 private:
  void Gauge(std::string_view name, std::string_view help,
             std::optional<double> value, LabelSetPtr own = nullptr) {
    families_.Gauge(name, help, labels_, std::move(own), value);
  }

  // Of what is counted since the app was first seen.
  void Counter(std::string_view name, std::string_view help,
               std::optional<double> value) {
    families_.Counter(name, help, labels_, nullptr, value,
                      app_.first_seen_seconds);
  }

  // Of what the kernel counts, which began before the exporter saw the app.
  void KernelCounter(std::string_view name, std::string_view help,
                     std::optional<double> value, LabelSetPtr own = nullptr) {
    families_.Counter(name, help, labels_, std::move(own), value, 0);
  }

  void WriteCheck() {
    const AppStatus& status = app_.status;
    // An app of which nothing is seen may run all the same: no zeros of it.
    if (status.may_be_hidden) return;
    Gauge("gunicorn_is_running",
          "Whether a master with a worker runs: 1 OK, 0 CRITICAL. The "
          "agents' service check gunicorn.is_running.",
          status.ok ? 1 : 0);
    Gauge("gunicorn_masters",
          "Master processes, one that is being upgraded included.",
          status.masters);
    constexpr auto kWorkers =
        "Worker processes by what they do. The agents' gunicorn.workers.";
    Gauge("gunicorn_workers", kWorkers, status.idle,
          MakeLabels({{"state", "idle"}}));
    Gauge("gunicorn_workers", kWorkers, status.working,
          MakeLabels({{"state", "working"}}));
    Gauge("gunicorn_workers", kWorkers, status.unknown,
          MakeLabels({{"state", "unknown"}}));
    Gauge("gunicorn_orphaned_workers",
          "Workers whose master is gone. They are not among gunicorn_workers.",
          status.orphans.size());
    if (app_.dirty_arbiter) {
      Gauge("gunicorn_dirty_workers", "Workers of the dirty arbiter.",
            app_.dirty_workers);
    }
    Counter("gunicorn_workers_spawned_total",
            "Workers that appeared since the exporter first saw the app.",
            app_.spawned);
    Counter("gunicorn_workers_exited_total",
            "Workers that ended since the exporter first saw the app.",
            app_.exited);
    Counter("gunicorn_requests_lost_total",
            "Requests that a worker had in hand, by the last sample, when it "
            "was killed or crashed. gunicorn itself reports none of them.",
            app_.requests_lost);
    Gauge("gunicorn_master_start_time_seconds",
          "When the oldest master started, Unix time.",
          app_.master_start_seconds);
    Gauge("gunicorn_worker_heartbeat_age_seconds",
          "Time since the stalest worker last told its master that it lives.",
          app_.heartbeat_age_seconds);
    Gauge("gunicorn_worker_timeout_seconds",
          "After so long without a heartbeat the master kills a worker; 0: "
          "never.",
          app_.worker_timeout_seconds);
  }

  void WriteRole(std::size_t index) {
    const RoleView& role = app_.roles.at(index);
    if (!role.seen) return;
    const std::string name = kRoleNames.at(index);
    constexpr auto kCpu =
        "CPU time of the app's processes, ended ones included.";
    const auto cpu = [&](const char* mode, std::uint64_t ticks) {
      KernelCounter("gunicorn_cpu_seconds_total", kCpu,
                    static_cast<double>(ticks) / ticks_per_second_,
                    MakeLabels({{"role", name}, {"mode", mode}}));
    };
    cpu("user", role.cpu.user);
    cpu("system", role.cpu.system);
    if (role.processes == 0) return;
    const LabelSetPtr own = MakeLabels({{"role", name}});
    Gauge("gunicorn_resident_memory_bytes",
          "Resident memory, summed: pages that processes share count in each.",
          role.resident_bytes, own);
    Gauge("gunicorn_proportional_memory_bytes",
          "Resident memory, shared pages divided among those who share them.",
          role.proportional_bytes, own);
    Gauge("gunicorn_threads", "Threads of the app's processes.", role.threads,
          own);
    Gauge("gunicorn_open_fds", "Open file descriptors, summed.", role.open_fds,
          own);
  }

  void WriteSockets() {
    Gauge("gunicorn_connections",
          "Accepted client connections that are open now.", app_.connections);
    Gauge("gunicorn_requests_in_progress", "Requests that have no answer yet.",
          app_.requests_in_progress);
    Gauge("gunicorn_request_slots",
          "How many requests its workers can have in hand: workers times "
          "threads, or worker connections.",
          app_.request_slots);
    Gauge("gunicorn_oldest_request_age_seconds",
          "How long the oldest request in progress has waited for its answer.",
          app_.oldest_request_seconds);
    for (const ListenQueue& queue : app_.listen_queues) {
      const LabelSetPtr own = MakeLabels({{"address", queue.address}});
      Gauge("gunicorn_listen_queue_length",
            "Connections that wait to be accepted.", queue.length, own);
      Gauge("gunicorn_listen_queue_limit",
            "How many connections may wait to be accepted.", queue.limit, own);
    }
    for (const Upstream& upstream : app_.upstreams) {
      const LabelSetPtr own = MakeLabels({{"peer", upstream.peer}});
      Gauge("gunicorn_upstream_waits",
            "TCP requests of the app's processes that the peer has not "
            "answered yet.",
            upstream.waits, own);
      Gauge("gunicorn_upstream_oldest_wait_seconds",
            "How long the oldest of them has waited.",
            upstream.oldest_wait_seconds, own);
      Gauge("gunicorn_upstream_connections",
            "Connections of the app's processes to the peer.",
            upstream.connections, own);
    }
    KernelCounter(
        "gunicorn_listen_overflows_total",
        "Connection attempts dropped since an accept queue of the app's "
        "network "
        "namespace was full, each retry of a client once more; none of a unix "
        "socket.",
        app_.listen_overflows);
  }

  void WriteCgroups() {
    if (app_.cpu_throttled_microseconds) {
      KernelCounter(
          "gunicorn_cpu_throttled_seconds_total",
          "Time that the CPU quota of the app's cgroup held it back, summed "
          "over the CPUs.",
          static_cast<double>(*app_.cpu_throttled_microseconds) / 1e6);
    }
    KernelCounter("gunicorn_oom_kills_total",
                  "Processes of the app's cgroup that the kernel OOM-killed.",
                  app_.oom_kills);
    Gauge("gunicorn_cpu_limit_cores",
          "The CPU quota of the nearest cgroup above the app that has one.",
          app_.cpu_limit_cores);
    Gauge("gunicorn_memory_limit_bytes",
          "The memory limit of the nearest cgroup above the app that has one.",
          app_.memory_limit_bytes);
  }

  void WriteInfo() {
    for (const InfoView& info : app_.infos) {
      std::vector<Label> own = {
          {"version", info.version},
          {"title", info.titled ? "setproctitle" : "cmdline"}};
      // With pod labels, every series of the app has these two.
      if (!config_.process.pod_labels) {
        own.push_back({"pod_uid", info.container.pod_uid});
        own.push_back({"container_id", info.container.container_id});
      }
      Gauge("gunicorn_app_info", "What the app runs in; always 1.", 1,
            MakeLabels(std::move(own)));
    }
  }

  void WriteWorkers() {
    for (const WorkerView& worker : app_.workers) {
      const LabelSetPtr own =
          MakeLabels({{"pid", std::to_string(worker.key.pid)}});
      KernelCounter("gunicorn_worker_cpu_seconds_total",
                    "CPU time of one worker.",
                    static_cast<double>(worker.cpu.user + worker.cpu.system) /
                        ticks_per_second_,
                    own);
      Gauge("gunicorn_worker_resident_memory_bytes",
            "Resident memory of one worker.", worker.resident_bytes, own);
      Gauge("gunicorn_worker_connections",
            "Accepted client connections that one worker holds.",
            worker.connections, own);
    }
    for (const WorkerStatus& worker : app_.status.worker_list) {
      const LabelSetPtr own = MakeLabels({{"pid", std::to_string(worker.pid)}});
      Gauge("gunicorn_worker_requests_in_progress",
            "Requests of one worker that have no answer yet.",
            worker.requests_in_progress, own);
      Gauge("gunicorn_worker_oldest_request_age_seconds",
            "How long the oldest request of one worker has waited for its "
            "answer.",
            worker.oldest_request_seconds, own);
    }
  }

  Families& families_;
  const AppView& app_;
  const Config& config_;
  const double ticks_per_second_;
  const LabelSetPtr labels_;
};

}  // namespace

std::vector<MetricFamily> ToFamilies(const ProcessView& view,
                                     double ticks_per_second) {
  Families families;
  const auto gauge = [&](const char* name, const char* help,
                         std::optional<double> value) {
    families.Gauge(name, help, nullptr, nullptr, value);
  };
  for (const AppView& app : view.apps) {
    AppWriter(families, app, *view.config, ticks_per_second).Write();
  }
  gauge("gunicorn_exporter_processes",
        "Processes in the table at the last scan.", view.processes);
  gauge("gunicorn_exporter_process_sample_interval_seconds",
        "How often workers are classified: process.sample_interval, or "
        "longer where a sample costs more than 1 % of it.",
        view.sample_interval_seconds);
  gauge("gunicorn_exporter_process_sample_cpu_seconds",
        "CPU time that the last sample cost.", view.sample_seconds);
  return families.Take();
}

Collected ProcessCollector::Collect(Deadline deadline) {
  const auto [view, is_late] = thread_.View(true, deadline);
  Collected collected;
  if (is_late) {
    collected.error = "the process table does not answer";
  } else if (!view->readable) {
    collected.error = "the process table cannot be read";
  } else {
    collected.families = ToFamilies(*view, TicksPerSecond());
  }
  if (!view->looked_at) return collected;
  MetricFamily& age = collected.families.emplace_back();
  age.name = "gunicorn_exporter_process_view_age_seconds";
  age.help =
      "How long ago the process table was last read; where that is long, the "
      "series of the process table are left out.";
  age.type = MetricType::kGauge;
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - *view->looked_at;
  AddSeries(age, nullptr, nullptr, seconds.count());
  return collected;
}

}  // namespace gunicorn_exporter
