// Keeps watch over the machine's gunicorns and tells what it knows of them.
//
// Two kinds of look, both under one lock and both without sleeping:
// - a scan reads the whole process table: when somebody asks and the last one
// is
//   not fresh, and every few seconds between questions.
// - a sample reads the known processes and their children alone, and says which
//   workers are working. A thread takes one every `process.sample_interval`, or
//   less often where a sample costs more than 1 % of that time.
//
// Thread rule: every method may be called from any thread. Errors: what could
// not be read is counted. Start throws where no thread is to be had; no other
// method throws.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/app_status.h"
#include "collectors/process/app_registry.h"
#include "collectors/process/app_viewer.h"
#include "collectors/process/detail_reader.h"
#include "collectors/process/find/master_facts.h"
#include "collectors/process/find/process_scanner.h"
#include "collectors/process/monitor_clocks.h"
#include "collectors/process/process_list.h"
#include "collectors/process/process_view.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/process/sockets/connection_sampler.h"
#include "config/config.h"

namespace gunicorn_exporter {

class ProcessMonitor {
 public:
  using AppsListener = std::function<void(const std::vector<AppId>&)>;

  ProcessMonitor(const Config& config, const std::string& procfs,
                 MonitorClocks clocks = SystemClocks());
  ~ProcessMonitor();
  ProcessMonitor(const ProcessMonitor&) = delete;
  ProcessMonitor& operator=(const ProcessMonitor&) = delete;

  // Told all known apps at the first scan and whenever one comes or goes, on
  // the thread that found out. Set it before Start.
  void SetAppsListener(AppsListener listener);

  // Scans and samples once, then starts the sampling thread.
  void Start();
  void Stop();
  void Reconfigure(const Config& config);

  // Scan and Sample, as the thread does them. A scan goes before all views that
  // wait for their turn.
  void Scan();
  void Sample();

  // These scan first where the last scan is not fresh.
  std::vector<AppStatus> Apps();
  std::vector<AppId> KnownApps();
  ProcessView View();

  // All gunicorn processes known, masters first, as they were when one last
  // came or went. Never waits for a scan or a view.
  std::shared_ptr<const std::vector<TrackedProcess>> KnownProcesses() const {
    return known_.Get();
  }

  // Changes with every gunicorn process that comes, goes or changes its app.
  // Never waits.
  std::uint64_t Generation() const { return generation_; }

  bool TableReadable() const;
  ReadErrors::Counts ReadErrorCounts() const { return errors_.counts(); }
  ReadErrors& read_errors() { return errors_; }
  std::shared_ptr<const Config> config() const;
  const std::string& procfs() const { return procfs_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Run();
  // Runs the configured gunicorn programs that are to tell a version; waits for
  // them without the lock.
  void AskVersions();
  std::string ProgramFor(const AppId& app) const;
  // These expect the lock to be held.
  void ScanLocked();
  void SampleLocked();
  void RefreshLocked();
  void Absorb(std::vector<ProcessSnapshot> candidates);
  bool IsStarting(const GunicornProcess& gunicorn,
                  const std::vector<GunicornProcess>& all) const;
  void Classify();
  AppView ViewOf(const AppId& app, const ProcessGroup& group);
  // Tells the listener, without the lock, when apps came or went.
  void TellListener();
  // The lock for a view.
  std::unique_lock<std::mutex> LockAfterScans();

  const std::string procfs_;
  const MonitorClocks clocks_;
  ReadErrors errors_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<std::uint64_t> apps_generation_{0};
  std::atomic<int> scans_waiting_{0};
  ProcessList known_;

  mutable std::mutex mutex_;  // Guards all below.
  std::shared_ptr<const Config> config_;
  ProcReader reader_;
  ProcessScanner scanner_;
  ConnectionSampler connection_sampler_;
  DetailReader detail_reader_;
  MasterFactsReader master_facts_;
  AppRegistry registry_;
  std::map<AppId, AppSockets> sockets_;                // By the last sample.
  std::map<std::string, std::string> asked_versions_;  // By program.
  bool readable_ = false;
  std::size_t processes_ = 0;
  std::optional<TimePoint> last_scan_;
  std::optional<TimePoint> last_sample_;
  double sample_seconds_ = 0;
  std::chrono::milliseconds scan_interval_{0};  // In effect, as the next.
  std::chrono::milliseconds effective_interval_;
  BootTime boot_time_;

  AppsListener listener_;
  std::mutex listener_mutex_;  // Guards told_generation_ and the call.
  std::optional<std::uint64_t> told_generation_;

  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gunicorn_exporter
