#include "collectors/process/process_monitor.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "collectors/process/find/gunicorn_version.h"
#include "collectors/process/read/proc_parse.h"
#include "collectors/process/sockets/worker_state.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

// An answer made of a younger scan is fresh; a scan of 10,000 processes takes
// some 50 ms, and this bounds what a crowd of scrapers costs.
constexpr milliseconds kFresh{500};
// Between questions; longer where a scan costs more than its share of it.
constexpr milliseconds kScanInterval{5000};
// A gunicorn without a title or a worker is taken for one that is starting, and
// about to set its title, this long.
constexpr double kStartSeconds = 10;
constexpr milliseconds kVersionTimeout{5000};
// The interval of samples, and of scans between questions, is at least so many
// times what one costs.
constexpr double kCostMultiple = 100;

// The interval that was asked for, or a longer one that the cost is a small
// enough share of.
milliseconds Stretch(milliseconds interval, double cost_seconds) {
  return std::max(interval, std::chrono::ceil<milliseconds>(duration<double>(
                                cost_seconds * kCostMultiple)));
}

double TicksPerSecond() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

}  // namespace

ProcessMonitor::ProcessMonitor(const Config& config, const std::string& procfs,
                               MonitorClocks clocks)
    : procfs_(procfs),
      clocks_(std::move(clocks)),
      config_(std::make_shared<const Config>(config)),
      reader_(procfs, errors_),
      scanner_(reader_),
      connection_sampler_(reader_),
      detail_reader_(reader_, clocks_),
      master_facts_(reader_),
      registry_(config),
      effective_interval_(config.process.sample_interval) {
  if (const auto text = reader_.ReadGlobal("stat")) {
    boot_time_ = BootTime(ParseBootTime(*text).value_or(0), clocks_);
  }
}

ProcessMonitor::~ProcessMonitor() { Stop(); }

void ProcessMonitor::SetAppsListener(AppsListener listener) {
  const std::lock_guard lock(listener_mutex_);
  listener_ = std::move(listener);
}

void ProcessMonitor::Start() {
  Scan();
  Sample();
  thread_ = std::thread([this] { Run(); });
}

void ProcessMonitor::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ProcessMonitor::Run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, effective_interval_,
                         [this] { return stopping_; })) {
    lock.unlock();
    Sample();
    AskVersions();
    lock.lock();
  }
}

void ProcessMonitor::AskVersions() {
  std::set<std::string> programs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, process] : registry_.processes()) {
      if (process.gunicorn.role != ProcessRole::kMaster ||
          !master_facts_.Of(key).version.empty()) {
        continue;
      }
      const std::string program = ProgramFor(process.app);
      if (!program.empty() && !asked_versions_.contains(program)) {
        programs.insert(program);
      }
    }
  }
  for (const std::string& program : programs) {
    const std::string version = AskVersion(program, kVersionTimeout);
    const std::lock_guard lock(mutex_);
    asked_versions_[program] = version;
  }
}

std::string ProcessMonitor::ProgramFor(const AppId& app) const {
  for (const InstanceConfig& instance : config_->instances) {
    if (instance.proc_name == app.name && !instance.gunicorn.empty()) {
      return instance.gunicorn;
    }
  }
  return config_->gunicorn;
}

void ProcessMonitor::Reconfigure(const Config& config) {
  {
    const std::lock_guard lock(mutex_);
    config_ = std::make_shared<const Config>(config);
    registry_.Reconfigure(config);
    asked_versions_.clear();
    effective_interval_ = config.process.sample_interval;
    ScanLocked();
  }
  TellListener();
}

void ProcessMonitor::Scan() {
  ++scans_waiting_;
  {
    const std::lock_guard lock(mutex_);
    --scans_waiting_;
    ScanLocked();
  }
  TellListener();
}

void ProcessMonitor::Sample() {
  {
    const std::lock_guard lock(mutex_);
    SampleLocked();
  }
  TellListener();
}

void ProcessMonitor::ScanLocked() {
  const double cpu_before = clocks_.thread_cpu_seconds();
  ProcessTable table = scanner_.ScanAll();
  const bool readable = table.readable && table.complete;
  if (readable_ && !readable) {
    LogEvent(LogLevel::kWarn, "process_table_unreadable", {{"path", procfs_}});
  }
  readable_ = readable;
  processes_ = table.processes;
  if (readable) Absorb(std::move(table.candidates));
  last_scan_ = clocks_.now();
  scan_interval_ =
      Stretch(kScanInterval, clocks_.thread_cpu_seconds() - cpu_before);
}

void ProcessMonitor::RefreshLocked() {
  if (!last_scan_ || clocks_.now() - *last_scan_ >= kFresh) ScanLocked();
}

void ProcessMonitor::SampleLocked() {
  const double cpu_before = clocks_.thread_cpu_seconds();
  std::vector<ProcessSnapshot> candidates;
  std::set<pid_t> workers;
  std::set<pid_t> others;
  reader_.TakeShortage();
  for (const auto& [key, process] : registry_.processes()) {
    const GunicornProcess& gunicorn = process.gunicorn;
    const bool is_leaf = gunicorn.role == ProcessRole::kWorker ||
                         gunicorn.role == ProcessRole::kDirtyWorker;
    if (is_leaf && gunicorn.titled) {
      workers.insert(key.pid);
      if (auto worker = scanner_.Refresh(gunicorn.process)) {
        candidates.push_back(*std::move(worker));
      }
      continue;
    }
    others.insert(key.pid);
    if (is_leaf) continue;
    for (const pid_t child : scanner_.Children(key.pid)) others.insert(child);
  }
  for (const pid_t pid : others) {
    if (workers.contains(pid)) continue;
    if (auto process = scanner_.LookAt(pid)) {
      candidates.push_back(*std::move(process));
    }
  }
  if (!reader_.TakeShortage()) {  // Else those who are missing have not gone.
    Absorb(std::move(candidates));
    Classify();
    last_sample_ = clocks_.now();
  }
  sample_seconds_ = clocks_.thread_cpu_seconds() - cpu_before;
  effective_interval_ =
      Stretch(config_->process.sample_interval, sample_seconds_);

  if (!last_scan_ || clocks_.now() - *last_scan_ >= scan_interval_) {
    ScanLocked();
  }
}

void ProcessMonitor::Absorb(std::vector<ProcessSnapshot> candidates) {
  std::vector<ProcessSnapshot> ended;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(ended),
               [](const ProcessSnapshot& process) { return process.zombie; });
  std::vector<GunicornProcess> gunicorns =
      FindGunicorns(std::move(candidates), registry_.Upgrading());
  std::erase_if(gunicorns, [&](const GunicornProcess& gunicorn) {
    return IsStarting(gunicorn, gunicorns);
  });
  std::vector<FoundProcess> found;
  for (GunicornProcess& gunicorn : gunicorns) {
    AppId app{gunicorn.app, "", ""};
    if (!registry_.IsWanted(app)) continue;
    const Container& container = master_facts_.Of(gunicorn.master).container;
    if (config_->process.pod_labels) {
      app.pod_uid = container.pod_uid;
      app.container_id = container.container_id;
    }
    found.push_back({std::move(gunicorn), std::move(app)});
  }
  registry_.Update(std::move(found), ended, clocks_.now(),
                   clocks_.unix_seconds());
  master_facts_.Forget(registry_.processes());
  detail_reader_.Forget(registry_.processes(), registry_.apps());
  // The list before the number that says that it is new.
  if (generation_ != registry_.generation()) {
    known_.Publish(registry_.processes());
  }
  generation_ = registry_.generation();
  apps_generation_ = registry_.apps_generation();
}

bool ProcessMonitor::IsStarting(const GunicornProcess& gunicorn,
                                const std::vector<GunicornProcess>& all) const {
  if (gunicorn.titled || gunicorn.role != ProcessRole::kMaster) return false;
  const ProcessKey& key = gunicorn.process.key;
  const double age = clocks_.boot_seconds() -
                     static_cast<double>(key.start_time) / TicksPerSecond();
  if (age < 0 || age >= kStartSeconds || registry_.processes().contains(key)) {
    return false;
  }
  return std::none_of(all.begin(), all.end(), [&](const auto& other) {
    return other.role != ProcessRole::kMaster && other.master == key;
  });
}

void ProcessMonitor::Classify() {
  sockets_ = connection_sampler_.Sample(registry_.processes());
  const auto now = clocks_.now();
  const double seconds =
      last_sample_ ? duration<double>(now - *last_sample_).count() : 0;
  std::map<AppId, std::size_t> working;
  for (auto& [key, process] : registry_.processes()) {
    const ProcessSnapshot& snapshot = process.gunicorn.process;
    const std::uint64_t ticks = snapshot.user_ticks + snapshot.system_ticks;
    const std::uint64_t burned =
        process.sampled ? ticks - process.sampled_ticks : 0;
    process.working = IsBurningCpu(burned, seconds, TicksPerSecond()) ||
                      sockets_[process.app].in_hand.contains(key);
    process.sampled = true;
    process.sampled_ticks = ticks;
    if (process.working && process.gunicorn.role == ProcessRole::kWorker) {
      ++working[process.app];
    }
  }
  // Requests of which only the number is known keep as many workers busy.
  for (auto& [key, process] : registry_.processes()) {
    if (process.working || process.gunicorn.role != ProcessRole::kWorker ||
        working[process.app] >= sockets_[process.app].in_hand_of_unknown) {
      continue;
    }
    process.working = true;
    ++working[process.app];
  }
}

std::vector<AppStatus> ProcessMonitor::Apps() {
  std::vector<AppStatus> apps;
  {
    const std::unique_lock<std::mutex> lock = LockAfterScans();
    RefreshLocked();
    auto groups = GroupByApp(registry_.processes());
    for (const AppId& app : registry_.OrderedApps()) {
      apps.push_back(
          ToStatus(app, registry_.apps().at(app).configured, groups[app]));
    }
  }
  TellListener();
  return apps;
}

std::vector<AppId> ProcessMonitor::KnownApps() {
  const std::lock_guard lock(mutex_);
  return registry_.OrderedApps();
}

ProcessView ProcessMonitor::View() {
  ProcessView view;
  {
    const std::unique_lock<std::mutex> lock = LockAfterScans();
    RefreshLocked();
    view.readable = readable_;
    view.processes = processes_;
    view.sample_interval_seconds =
        duration<double>(effective_interval_).count();
    view.sample_seconds = sample_seconds_;
    auto groups = GroupByApp(registry_.processes());
    for (const AppId& app : registry_.OrderedApps()) {
      view.apps.push_back(ViewOf(app, groups[app]));
    }
  }
  TellListener();
  return view;
}

AppView ProcessMonitor::ViewOf(const AppId& app, const ProcessGroup& group) {
  const KernelUnits units{TicksPerSecond(),
                          static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)),
                          boot_time_.UnixSeconds(clocks_)};
  AppView view = ToView(app, registry_.apps().at(app), group, units);
  std::set<InfoView> infos;
  for (const TrackedProcess* process : group) {
    if (process->gunicorn.role != ProcessRole::kMaster) continue;
    const MasterFacts& facts = master_facts_.Of(process->gunicorn.master);
    const auto asked = asked_versions_.find(ProgramFor(app));
    const std::string version =
        facts.version.empty() && asked != asked_versions_.end() ? asked->second
                                                                : facts.version;
    infos.insert({version, process->gunicorn.titled, facts.container});
  }
  view.infos.assign(infos.begin(), infos.end());
  detail_reader_.Fill(group, view);
  const auto sockets = sockets_.find(app);
  if (sockets == sockets_.end() || view.status.masters == 0) return view;
  view.connections = sockets->second.connections;
  view.listen_queues = sockets->second.listen_queues;
  for (WorkerView& worker : view.workers) {
    const auto held = sockets->second.by_worker.find(worker.key);
    if (held != sockets->second.by_worker.end()) {
      worker.connections = held->second;
    }
  }
  return view;
}

std::unique_lock<std::mutex> ProcessMonitor::LockAfterScans() {
  while (scans_waiting_ != 0) std::this_thread::yield();
  return std::unique_lock(mutex_);
}

bool ProcessMonitor::TableReadable() const {
  const std::lock_guard lock(mutex_);
  return readable_;
}

std::shared_ptr<const Config> ProcessMonitor::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

void ProcessMonitor::TellListener() {
  const std::lock_guard telling(listener_mutex_);
  if (!listener_ || told_generation_ == apps_generation_) return;
  std::vector<AppId> apps;
  {
    const std::lock_guard lock(mutex_);
    told_generation_ = registry_.apps_generation();
    apps = registry_.OrderedApps();
  }
  listener_(apps);
}

}  // namespace gunicorn_exporter
