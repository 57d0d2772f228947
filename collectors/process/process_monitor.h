// Keeps watch over the machine's gunicorns and tells what it knows of them.
//
// Two kinds of look, neither of which sleeps:
// - a scan goes through the whole process table (process_scanner.h): when
//   somebody asks and the last one is not fresh, and every few seconds between
//   questions.
// - a sample reads the known processes and their children alone, and says which
//   workers are working: every `process.sample_interval`, or less often where a
//   sample costs more than 1 % of that time.
//
// Thread rule: one thread, ProcessThread's; Generation() is any thread's.
// Errors: what could not be read is counted; no method throws.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/process/app_notes.h"
#include "collectors/process/app_registry.h"
#include "collectors/process/app_viewer.h"
#include "collectors/process/detail_reader.h"
#include "collectors/process/find/control_settings.h"
#include "collectors/process/find/master_facts.h"
#include "collectors/process/find/process_scanner.h"
#include "collectors/process/monitor_clocks.h"
#include "collectors/process/process_view.h"
#include "collectors/process/read/cgroup_account.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/process/sender_watch.h"
#include "collectors/process/sockets/connection_sampler.h"
#include "collectors/process/sockets/lost_requests.h"
#include "collectors/process/sockets/sole_owners.h"
#include "collectors/sender_questions.h"
#include "config/config.h"

namespace gunicorn_exporter {

struct ProcessPaths {
  std::string procfs = "/proc";
  std::string cgroupfs = "/sys/fs/cgroup";
};

class ProcessMonitor {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Counts what it cannot read in `registry`, which outlives this.
  ProcessMonitor(const Config& config, const ProcessPaths& paths,
                 prometheus::Registry& registry,
                 MonitorClocks clocks = SystemClocks());
  ProcessMonitor(const ProcessMonitor&) = delete;
  ProcessMonitor& operator=(const ProcessMonitor&) = delete;

  void Scan(ProcessScanner::Old old = ProcessScanner::Old::kInTurn);
  // Scans, too, where one is due.
  void Sample();
  // When the next sample is due, so that it costs its share of time at most.
  TimePoint NextSample() const { return last_sample_ + effective_interval_; }

  // Where the last scan is not fresh.
  void ScanIfStale();
  // What is known now. `with_details`: what a scrape shows beyond that is read,
  // too.
  ProcessView View(bool with_details);

  // One answer for each question, in their order. Scans where a sender may be a
  // gunicorn that no scan has seen yet, once for all of them.
  std::vector<SenderAnswer> Answer(
      const std::vector<SenderQuestion>& questions);

  // The UDP port that StatsD is received at; before the first look.
  void WatchSendersTo(std::uint16_t port) { sender_watch_.SetPort(port); }

  // Takes effect with the next look; a new interval counts from now.
  void Reconfigure(const Config& config);

  // Configured apps in the order of the configuration, then discovered ones.
  std::vector<AppId> KnownApps() const { return registry_.OrderedApps(); }
  // Changes whenever one comes or goes.
  std::uint64_t AppsGeneration() const { return registry_.apps_generation(); }
  // Those that have lost their last master, as a scan of the whole table has
  // shown since the last call; the name alone where all containers of it have.
  std::vector<AppId> TakeEnded() { return registry_.TakeEnded(); }
  const std::map<ProcessKey, TrackedProcess>& processes() const {
    return registry_.processes();
  }

  // Changes with every gunicorn process that comes, goes or changes its app.
  std::uint64_t Generation() const { return generation_; }

 private:
  void Absorb(std::vector<ProcessSnapshot> candidates);
  // Of one that has forked nothing yet.
  bool IsStarting(const GunicornProcess& gunicorn) const;
  void Classify(TimePoint now);
  void WatchRequests();
  // By the last sample; not `told` where it knew none.
  const AppSockets& SocketsOf(const AppId& app) const;
  void Describe(const AppRecord& record, const ProcessGroup& group,
                AppView& view);

  const ProcessPaths paths_;
  const MonitorClocks clocks_;
  std::atomic<std::uint64_t> generation_{0};

  std::shared_ptr<const Config> config_;
  ProcReader reader_;
  ProcessScanner scanner_;
  SoleOwners sole_owners_;
  ConnectionSampler connection_sampler_;
  const bool tells_ends_;  // How a process has ended.
  LostRequests lost_requests_;
  CgroupAccounts cgroups_;
  DetailReader detail_reader_;
  MasterFactsReader master_facts_;
  ControlSettings control_settings_;
  AppRegistry registry_;
  SenderWatch sender_watch_;
  AppNotes notes_;
  std::map<AppId, AppSockets> sockets_;  // By the last sample.
  bool readable_ = false;
  bool others_are_hidden_ = false;
  std::size_t processes_ = 0;
  std::vector<UnnamedGunicorn> unnamed_;  // At the last scan.
  std::set<std::string> strangers_;  // Names of gunicorns that nobody asks for.
  std::optional<TimePoint> last_scan_;
  std::optional<TimePoint> last_read_;  // Of the table, to its end.
  TimePoint last_sample_;               // Or when the interval changed.
  std::optional<TimePoint> classified_at_;
  double sample_seconds_ = 0;
  std::chrono::milliseconds scan_interval_{0};  // In effect, as the next.
  std::chrono::milliseconds effective_interval_;
  BootTime boot_time_;
};

}  // namespace gunicorn_exporter
