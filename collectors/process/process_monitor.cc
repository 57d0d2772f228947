#include "collectors/process/process_monitor.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "collectors/process/find/gunicorn_signals.h"
#include "collectors/process/read/proc_parse.h"
#include "collectors/process/sender_finder.h"
#include "collectors/process/sockets/worker_state.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

// An answer made of a younger scan is fresh: this bounds what a crowd of
// scrapers costs.
constexpr milliseconds kFresh{500};
// Between questions; longer where a scan costs more than its share of it.
constexpr milliseconds kScanInterval{5000};
// A gunicorn without a title or a worker is taken for one that is starting, and
// about to set its title, this long.
constexpr double kStartSeconds = 10;
// The interval of samples, and of scans between questions, is at least so many
// times what one costs.
constexpr double kCostMultiple = 100;

// The interval that was asked for, or a longer one that the cost is a small
// enough share of.
milliseconds Stretch(milliseconds interval, double cost_seconds) {
  return std::max(interval, std::chrono::ceil<milliseconds>(duration<double>(
                                cost_seconds * kCostMultiple)));
}

}  // namespace

ProcessMonitor::ProcessMonitor(const Config& config, const ProcessPaths& paths,
                               prometheus::Registry& registry,
                               MonitorClocks clocks)
    : paths_(paths),
      clocks_(std::move(clocks)),
      config_(std::make_shared<const Config>(config)),
      reader_(paths.procfs, registry),
      scanner_(reader_),
      sole_owners_(reader_, paths.cgroupfs),
      connection_sampler_(reader_, sole_owners_, clocks_.now),
      tells_ends_(reader_.HasOwnPids() && KernelTellsProcessEnds()),
      cgroups_(paths.cgroupfs),
      detail_reader_(reader_, cgroups_, clocks_),
      master_facts_(reader_, cgroups_),
      control_settings_(reader_),
      registry_(config),
      last_sample_(clocks_.now()),
      effective_interval_(config.process.sample_interval) {
  others_are_hidden_ = reader_.HidesOthers();
  if (const auto text = reader_.ReadGlobal("stat")) {
    boot_time_ = BootTime(ParseBootTime(*text).value_or(0), clocks_);
  }
}

void ProcessMonitor::Reconfigure(const Config& config) {
  config_ = std::make_shared<const Config>(config);
  registry_.Reconfigure(config);
  others_are_hidden_ = reader_.HidesOthers();
  master_facts_.ForgetPrograms();
  effective_interval_ =
      Stretch(config.process.sample_interval, sample_seconds_);
  last_sample_ = clocks_.now();
  last_scan_.reset();
}

void ProcessMonitor::Scan(ProcessScanner::Old old) {
  const double cpu_before = clocks_.thread_cpu_seconds();
  const std::uint64_t generation_before = generation_;
  std::set<pid_t> known;
  for (const auto& [key, process] : registry_.processes()) {
    if (ToCpuRole(process.gunicorn.role) != CpuRole::kDirty) {
      known.insert(key.pid);
    }
  }
  ProcessTable table = scanner_.Scan(clocks_.now(), known, old);
  const bool readable = table.readable && table.complete;
  if (readable_ && !readable) {
    LogEvent(LogLevel::kWarn, "process_table_unreadable",
             {{"path", paths_.procfs}});
  }
  readable_ = readable;
  processes_ = table.processes;
  last_scan_ = clocks_.now();
  if (readable) {
    last_read_ = last_scan_;
    unnamed_ = std::move(table.unnamed);
    strangers_.clear();
    Absorb(std::move(table.candidates));
    registry_.FindEnded();
    // Who is new shows what it does at once.
    if (generation_ != generation_before) Classify(last_scan_.value());
  }
  scan_interval_ =
      Stretch(kScanInterval, clocks_.thread_cpu_seconds() - cpu_before);
}

void ProcessMonitor::Sample() {
  const double cpu_before = clocks_.thread_cpu_seconds();
  std::vector<ProcessSnapshot> candidates;
  std::set<pid_t> refreshed;
  std::set<pid_t> children;
  reader_.TakeShortage();
  for (const auto& [key, process] : registry_.processes()) {
    const GunicornProcess& gunicorn = process.gunicorn;
    const bool has_children = gunicorn.role == ProcessRole::kMaster ||
                              gunicorn.role == ProcessRole::kDirtyArbiter;
    refreshed.insert(key.pid);
    // A master's title may change.
    if (auto seen = has_children ? scanner_.LookAtAny(key.pid)
                                 : scanner_.Refresh(gunicorn.process)) {
      candidates.push_back(*std::move(seen));
    }
    if (!has_children) continue;
    for (const pid_t child : scanner_.Children(key.pid)) children.insert(child);
  }
  for (const pid_t pid : children) {
    if (refreshed.contains(pid)) continue;
    if (auto child = scanner_.LookAtAny(pid)) {
      candidates.push_back(*std::move(child));
    }
  }
  const TimePoint now = clocks_.now();
  if (!reader_.TakeShortage()) {  // Else those who are missing have not gone.
    Absorb(std::move(candidates));
    Classify(now);
  }
  last_sample_ = now;
  sample_seconds_ = clocks_.thread_cpu_seconds() - cpu_before;
  effective_interval_ =
      Stretch(config_->process.sample_interval, sample_seconds_);
  if (!last_scan_ || clocks_.now() - *last_scan_ >= scan_interval_) Scan();
  if (sender_watch_.IsDue(now)) {
    sole_owners_.Update(registry_.processes(), registry_.generation());
    SenderFinder finder(reader_, scanner_, sole_owners_, registry_.processes());
    sender_watch_.Look(finder, now);
  }
  master_facts_.AskPrograms(registry_.processes(), *config_);
  control_settings_.Ask(registry_.processes(), clocks_.boot_seconds());
}

void ProcessMonitor::Absorb(std::vector<ProcessSnapshot> candidates) {
  std::vector<ProcessSnapshot> ended;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(ended),
               [](const ProcessSnapshot& process) { return process.zombie; });
  // Masters fork, and send the first line, when they have set their titles.
  std::set<pid_t> have_forked;
  for (const ProcessSnapshot& process : candidates) {
    // A worker begins with its master's handlers.
    if (process.forked_only && HasHandlersOfMaster(process.caught_signals)) {
      have_forked.insert(process.ppid);
    }
  }
  std::vector<GunicornProcess> gunicorns =
      FindGunicorns(std::move(candidates), registry_.Known());
  for (const GunicornProcess& gunicorn : gunicorns) {
    if (gunicorn.role != ProcessRole::kMaster) {
      have_forked.insert(gunicorn.master.pid);
    }
  }
  std::erase_if(gunicorns, [&](const GunicornProcess& gunicorn) {
    return !have_forked.contains(gunicorn.process.key.pid) &&
           IsStarting(gunicorn);
  });
  std::vector<TrackedProcess> found;
  for (GunicornProcess& gunicorn : gunicorns) {
    AppId app{gunicorn.app, "", ""};
    if (!registry_.IsWanted(app)) {
      if (gunicorn.role == ProcessRole::kMaster) strangers_.insert(app.name);
      continue;
    }
    const auto& [container, pod_folder, version] =
        master_facts_.Of(gunicorn.master);
    if (config_->process.pod_labels) {
      app.pod_uid = container.pod_uid;
      app.container_id = container.container_id;
    }
    TrackedProcess& process = found.emplace_back();
    process.gunicorn = std::move(gunicorn);
    control_settings_.Complete(process.gunicorn);
    process.app = std::move(app);
    process.pod_folder = pod_folder;
  }
  registry_.Update(std::move(found), ended, clocks_.now(),
                   clocks_.unix_seconds());
  registry_.ForgetEndedPods([](const std::string& folder) {
    std::error_code error;
    return !std::filesystem::exists(folder, error) && !error;
  });
  for (const auto& [app, requests] :
       lost_requests_.Take(registry_.processes())) {
    registry_.AddLostRequests(app, requests);
  }
  master_facts_.Forget(registry_.processes());
  detail_reader_.Forget(registry_.processes(), registry_.apps());
  generation_ = registry_.generation();
}

bool ProcessMonitor::IsStarting(const GunicornProcess& gunicorn) const {
  if (gunicorn.titled || gunicorn.role != ProcessRole::kMaster) return false;
  const ProcessKey& key = gunicorn.process.key;
  const double age = clocks_.boot_seconds() -
                     static_cast<double>(key.start_time) / TicksPerSecond();
  return age >= 0 && age < kStartSeconds &&
         !registry_.processes().contains(key);
}

void ProcessMonitor::Classify(TimePoint now) {
  sole_owners_.Update(registry_.processes(), registry_.generation());
  sockets_ = connection_sampler_.Sample(
      registry_.processes(), config_->instances, config_->process.upstreams);
  WatchRequests();
  const double seconds =
      classified_at_ ? duration<double>(now - *classified_at_).count() : 0;
  classified_at_ = now;
  std::map<AppId, std::size_t> working;
  for (auto& [key, process] : registry_.processes()) {
    const ProcessSnapshot& snapshot = process.gunicorn.process;
    const std::uint64_t ticks = snapshot.user_ticks + snapshot.system_ticks;
    const std::uint64_t burned =
        process.sampled ? ticks - process.sampled_ticks : 0;
    process.sampled = true;
    process.sampled_ticks = ticks;
    if (!process.IsWorker()) continue;
    const AppSockets& sockets = SocketsOf(process.app);
    const auto held = sockets.by_worker.find(key);
    const bool is_working =
        IsBurningCpu(
            burned, seconds, TicksPerSecond(),
            sockets.told ? kMoreThanBackground : kMoreThanHeartbeats) ||
        (held != sockets.by_worker.end() && held->second.requests.count > 0);
    process.state = is_working     ? WorkerState::kWorking
                    : sockets.told ? WorkerState::kIdle
                                   : WorkerState::kUnknown;
    if (is_working) ++working[process.app];
  }
  // Requests of which only the number is known keep as many workers busy.
  for (auto& [key, process] : registry_.processes()) {
    if (process.state != WorkerState::kIdle || !process.IsWorker() ||
        working[process.app] >= SocketsOf(process.app).requests_of_unknown) {
      continue;
    }
    process.state = WorkerState::kWorking;
    ++working[process.app];
  }
  notes_.Update(registry_.processes(), sockets_, master_facts_, now,
                config_->discovery.forget_after);
}

void ProcessMonitor::WatchRequests() {
  if (!tells_ends_) return;
  lost_requests_.Watch(sockets_, registry_.processes());
  for (const auto& [app, sockets] : sockets_) {
    if (!sockets.by_worker.empty()) registry_.AddLostRequests(app, 0);
  }
}

const AppSockets& ProcessMonitor::SocketsOf(const AppId& app) const {
  static const AppSockets kNotSampled{false, {}, 0, {}, {}, 0, {}};
  const auto sockets = sockets_.find(app);
  return sockets == sockets_.end() ? kNotSampled : sockets->second;
}

void ProcessMonitor::ScanIfStale() {
  if (!last_scan_ || clocks_.now() - *last_scan_ >= kFresh) Scan();
}

ProcessView ProcessMonitor::View(bool with_details) {
  ProcessView view;
  view.config = config_;
  view.looked_at = last_read_;
  view.readable = readable_;
  view.others_are_hidden = others_are_hidden_;
  view.unnamed = unnamed_;
  view.processes = processes_;
  view.sample_interval_seconds = duration<double>(effective_interval_).count();
  view.sample_seconds = sample_seconds_;
  auto groups = GroupByApp(registry_.processes());
  for (const AppId& app : registry_.OrderedApps()) {
    const AppRecord& record = registry_.apps().at(app);
    const ProcessGroup& group = groups[app];
    AppView& added = view.apps.emplace_back();
    const AppSockets& sockets = SocketsOf(app);
    added.status = ToStatus(app, record.configured, group, sockets);
    added.status.statsd_socket = sender_watch_.PeerOf(app, clocks_.now());
    Describe(record, group, added);
    if (with_details) detail_reader_.Fill(group, added);
  }
  notes_.Write(view, strangers_);
  return view;
}

void ProcessMonitor::Describe(const AppRecord& record,
                              const ProcessGroup& group, AppView& view) {
  const KernelUnits units{TicksPerSecond(),
                          static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)),
                          boot_time_.UnixSeconds(clocks_)};
  AddTotals(record, group, config_->instances, units, view);
  const AppId& app = view.status.app;
  std::set<InfoView> infos;
  for (const TrackedProcess* process : group) {
    if (!process->IsMaster()) continue;
    const ProcessKey& key = process->key();
    infos.insert({master_facts_.VersionOf(key, app, *config_),
                  process->gunicorn.titled, master_facts_.Of(key).container});
  }
  view.infos.assign(infos.begin(), infos.end());
  if (view.status.masters == 0) return;
  const AppSockets& sockets = SocketsOf(app);
  view.listen_queues = sockets.listen_queues;
  view.upstreams = sockets.upstreams;
  if (!sockets.told) return;
  view.connections = sockets.connections;
  view.requests_in_progress = sockets.requests.count;
  view.oldest_request_seconds = sockets.requests.oldest_seconds;
  for (WorkerView& worker : view.workers) {
    const auto held = sockets.by_worker.find(worker.key);
    if (held != sockets.by_worker.end()) {
      worker.connections = held->second.connections;
    }
  }
}

std::vector<SenderAnswer> ProcessMonitor::Answer(
    const std::vector<SenderQuestion>& questions) {
  // What is one app's alone may be so no more since the last scan.
  const auto is_doubtful = [](const SenderQuestion& question,
                              const std::optional<Sender>& sender) {
    return question.is_new && sender && sender->pid == 0;
  };
  std::vector<SenderAnswer> answers;
  bool scan_may_help = false;
  {
    sole_owners_.Update(registry_.processes(), registry_.generation());
    SenderFinder finder(reader_, scanner_, sole_owners_, registry_.processes());
    for (const SenderQuestion& question : questions) {
      const auto sender = finder.Find(question.sender);
      scan_may_help = scan_may_help || is_doubtful(question, sender) ||
                      (!sender && finder.MayBeNew(question.sender));
      answers.push_back({question.number, sender, generation_});
    }
  }
  if (!scan_may_help) return answers;
  const std::uint64_t before = generation_;
  Scan(ProcessScanner::Old::kAll);
  // The scan has classified what changed, and so knows who is alone.
  sole_owners_.ForgetUsers();
  SenderFinder finder(reader_, scanner_, sole_owners_, registry_.processes());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    std::optional<Sender>& sender = answers[i].sender;
    if (sender ? !is_doubtful(questions[i], sender) : generation_ == before) {
      continue;
    }
    sender = finder.Find(questions[i].sender);
    answers[i].generation = generation_;
  }
  return answers;
}

}  // namespace gunicorn_exporter
