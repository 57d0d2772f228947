#include "collectors/process/process_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/process/process_collector.h"
#include "tests/support/fake_proc.h"
#include "tests/support/no_descriptors.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class ProcessMonitorTest : public testing::Test {
 protected:
  void Make(const Config& config = {}) {
    const MonitorClocks clocks{[this] { return now_; }, [] { return 3600.0; },
                               [] { return 1.7e9; },
                               [this] { return boot_seconds_; },
                               [this] { return cpu_seconds_ += sample_cost_; }};
    monitor_ = std::make_unique<ProcessMonitor>(
        config, ProcessPaths{proc_.root(), ""}, registry_, clocks);
    monitor_->Scan();
  }

  // As the monitor's thread does it, a second later.
  void Sample() {
    now_ += seconds(1);
    monitor_->Sample();
  }

  std::vector<std::string> Messages() {
    now_ += seconds(1);
    monitor_->ScanIfStale();
    std::vector<std::string> messages;
    for (const AppView& app : monitor_->View(false).apps)
      messages.push_back(app.status.message);
    return messages;
  }

  // "name{labels} value" of every series of one family.
  std::vector<std::string> Series(const std::string& name) {
    std::vector<std::string> lines;
    monitor_->ScanIfStale();
    for (const MetricFamily& family : ToFamilies(monitor_->View(true), 100)) {
      if (family.name != name) continue;
      for (const auto& series : family.series) {
        std::string labels = series.common ? series.common->text() : "";
        if (series.own)
          labels += (labels.empty() ? "" : ",") + series.own->text();
        char value[32];
        std::snprintf(value, sizeof value, "%.6g", series.value);
        lines.push_back(std::string("{").append(labels).append("} ") + value);
      }
    }
    return lines;
  }

  void AddMyApp() {
    proc_.SetTitled(10, 1, "gunicorn: master [my_app]");
    proc_.SetTitled(11, 10, "gunicorn: worker [my_app]");
    proc_.SetTitled(12, 10, "gunicorn: worker [my_app]");
  }

  FakeProc proc_;
  prometheus::Registry registry_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  double boot_seconds_ = 3600;
  // The clock is read before and after each sample and each scan.
  double cpu_seconds_ = 0;
  double sample_cost_ = 0;
  std::unique_ptr<ProcessMonitor> monitor_;
};

TEST_F(ProcessMonitorTest, DiscoversAnApp) {
  AddMyApp();
  proc_.SetCommand(20, 1, "nginx -g");
  Make();
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 2 idle and 0 working workers"));
  EXPECT_THAT(Series("gunicorn_is_running"), ElementsAre("{app=\"my_app\"} 1"));
  EXPECT_THAT(Series("gunicorn_exporter_processes"), ElementsAre("{} 4"));
}

TEST_F(ProcessMonitorTest, ReportsAConfiguredAppThatIsAbsent) {
  Config config;
  config.instances.push_back({"other", {{"env", "prod"}}, "", ""});
  Make(config);
  EXPECT_THAT(
      Messages(),
      ElementsAre(
          "Found no master process with name: gunicorn: master [other]"));
  EXPECT_THAT(Series("gunicorn_is_running"),
              ElementsAre("{app=\"other\",env=\"prod\"} 0"));
  EXPECT_THAT(Series("gunicorn_workers"),
              ElementsAre("{app=\"other\",env=\"prod\",state=\"idle\"} 0",
                          "{app=\"other\",env=\"prod\",state=\"working\"} 0",
                          "{app=\"other\",env=\"prod\",state=\"unknown\"} 0"));
  EXPECT_THAT(Series("gunicorn_resident_memory_bytes"), ElementsAre());
}

TEST_F(ProcessMonitorTest, IsCriticalForAMasterWithoutAWorker) {
  proc_.SetTitled(10, 1, "gunicorn: master [my_app]");
  Make();
  EXPECT_THAT(Messages(), ElementsAre("my_app: 1 master without a worker"));
  EXPECT_THAT(Series("gunicorn_is_running"), ElementsAre("{app=\"my_app\"} 0"));
}

TEST_F(ProcessMonitorTest, SaysNothingOfTheDescriptorsOfProcessesThatHaveGone) {
  FakeProcess open_files;
  open_files.fds = {{0, "/dev/null"}, {5, "socket:[17]"}};
  open_files.files["smaps_rollup"] = "Pss:  100 kB\n";
  proc_.SetTitled(10, 1, "gunicorn: master [my_app]", open_files);
  proc_.SetTitled(11, 10, "gunicorn: worker [my_app]", open_files);
  proc_.SetTitled(12, 10, "gunicorn: worker [my_app]", open_files);
  Make();
  // After the scan that the series are made of.
  proc_.Remove(10);
  proc_.Remove(12);
  EXPECT_THAT(Series("gunicorn_open_fds"),
              ElementsAre("{app=\"my_app\",role=\"worker\"} 2"));
  EXPECT_THAT(Series("gunicorn_proportional_memory_bytes"),
              ElementsAre("{app=\"my_app\",role=\"worker\"} 102400"));
}

TEST_F(ProcessMonitorTest, DoesNotCountAZombieAsAWorker) {
  AddMyApp();
  Make();
  FakeProcess zombie;
  zombie.state = 'Z';
  proc_.SetTitled(12, 10, "gunicorn: worke", zombie);
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 1 idle and 0 working workers"));
  EXPECT_THAT(Series("gunicorn_workers_exited_total"),
              ElementsAre("{app=\"my_app\"} 1"));
}

TEST_F(ProcessMonitorTest, SeesATitleThatChangesAfterTheFirstLook) {
  proc_.SetCommand(10, 1, "python3 gunicorn app:app");
  boot_seconds_ = 11;
  Make();
  EXPECT_THAT(Messages(), ElementsAre());
  AddMyApp();
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 2 idle and 0 working workers"));
}

TEST_F(ProcessMonitorTest,
       LeavesNoVanishedAppBehindWhenASlowStartGetsItsTitle) {
  proc_.SetCommand(10, 1, "python3 gunicorn app:app");
  Make();
  EXPECT_THAT(Messages(), ElementsAre("app:app: 1 master without a worker"));
  AddMyApp();
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 2 idle and 0 working workers"));
}

TEST_F(ProcessMonitorTest, FindsAGunicornWithoutATitle) {
  const std::string command = "python3 -m gunicorn -n my_app app:app";
  FakeProcess worker;
  worker.forked_only = true;
  worker.caught_signals = kWorkersSignals;
  proc_.SetCommand(10, 1, command);
  proc_.SetCommand(11, 10, command, worker);
  Make();
  const auto apps = monitor_->View(false).apps;
  ASSERT_EQ(apps.size(), 1U);
  EXPECT_FALSE(apps[0].status.titled);
  EXPECT_EQ(apps[0].status.message,
            "my_app: 1 master, 1 idle and 0 working workers");
}

TEST_F(ProcessMonitorTest, CallsAWorkerWorkingThatBurnsCpu) {
  AddMyApp();
  Make();
  Sample();
  FakeProcess busy;
  busy.user_ticks = 50;
  proc_.SetTitled(11, 10, "gunicorn: worker [my_app]", busy);
  Sample();
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 1 idle and 1 working workers"));
  Sample();
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 2 idle and 0 working workers"));
}

TEST_F(ProcessMonitorTest, DoesNotTakeAHeartbeatForWork) {
  AddMyApp();
  Make();
  Sample();
  FakeProcess heartbeat;
  heartbeat.user_ticks = 1;
  proc_.SetTitled(11, 10, "gunicorn: worker [my_app]", heartbeat);
  Sample();
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 2 idle and 0 working workers"));
}

TEST_F(ProcessMonitorTest, SumsByRole) {
  FakeProcess master;
  master.user_ticks = 100;
  master.system_ticks = 50;
  master.resident_pages = 10;
  proc_.SetTitled(10, 1, "gunicorn: master [my_app]", master);
  FakeProcess worker;
  worker.user_ticks = 200;
  worker.threads = 5;
  proc_.SetTitled(11, 10, "gunicorn: worker [my_app]", worker);
  proc_.SetTitled(12, 10, "gunicorn: worker [my_app]", worker);
  proc_.SetTitled(13, 10, "gunicorn: dirty-arbiter");
  proc_.SetTitled(14, 13, "gunicorn: dirty-worker [my_app]");
  Make();
  EXPECT_THAT(Series("gunicorn_threads"),
              UnorderedElementsAre("{app=\"my_app\",role=\"master\"} 1",
                                   "{app=\"my_app\",role=\"worker\"} 10",
                                   "{app=\"my_app\",role=\"dirty\"} 2"));
  EXPECT_THAT(Series("gunicorn_cpu_seconds_total"),
              testing::IsSupersetOf(
                  {"{app=\"my_app\",role=\"master\",mode=\"user\"} 1",
                   "{app=\"my_app\",role=\"master\",mode=\"system\"} 0.5",
                   "{app=\"my_app\",role=\"worker\",mode=\"user\"} 4"}));
  EXPECT_THAT(Series("gunicorn_dirty_workers"),
              ElementsAre("{app=\"my_app\"} 1"));
  EXPECT_THAT(Series("gunicorn_workers"),
              testing::Contains("{app=\"my_app\",state=\"idle\"} 2"));
  EXPECT_THAT(Series("gunicorn_master_start_time_seconds"),
              ElementsAre("{app=\"my_app\"} 1.7e+09"));
}

TEST_F(ProcessMonitorTest, HasNoDirtyWorkersWithoutADirtyArbiter) {
  AddMyApp();
  Make();
  EXPECT_THAT(Series("gunicorn_dirty_workers"), ElementsAre());
}

TEST_F(ProcessMonitorTest, KeepsTheAppThroughAnUpgrade) {
  AddMyApp();
  Make();
  proc_.SetTitled(20, 10, "gunicorn: master [my_app.2]");
  proc_.SetTitled(21, 20, "gunicorn: worker [my_app.2]");
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 2 masters, 3 idle and 0 working workers"));
  // The old one has gone; the new one keeps its title for a second.
  for (const pid_t pid : {10, 11, 12}) proc_.Remove(pid);
  proc_.SetTitled(20, 1, "gunicorn: master [my_app.2]");
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 1 idle and 0 working workers"));
  proc_.SetTitled(20, 1, "gunicorn: master [my_app]");
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 1 idle and 0 working workers"));
  EXPECT_THAT(Series("gunicorn_workers_exited_total"),
              ElementsAre("{app=\"my_app\"} 2"));
}

TEST_F(ProcessMonitorTest, AddsUpMastersOfOneName) {
  AddMyApp();
  proc_.SetTitled(20, 1, "gunicorn: master [my_app]");
  proc_.SetTitled(21, 20, "gunicorn: worker [my_app]");
  Make();
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 2 masters, 3 idle and 0 working workers"));
}

TEST_F(ProcessMonitorTest, TellsContainersApartWithPodLabels) {
  FakeProcess first;
  first.files["cgroup"] = "0::/docker/" + std::string(64, 'a') + "\n";
  FakeProcess second;
  second.files["cgroup"] = "0::/docker/" + std::string(64, 'b') + "\n";
  proc_.SetTitled(10, 1, "gunicorn: master [my_app]", first);
  proc_.SetTitled(11, 10, "gunicorn: worker [my_app]", first);
  proc_.SetTitled(20, 1, "gunicorn: master [my_app]", second);
  Config config;
  config.process.pod_labels = true;
  Make(config);
  EXPECT_THAT(Series("gunicorn_is_running"),
              ElementsAre("{app=\"my_app\",pod_uid=\"\",container_id=\"" +
                              std::string(64, 'a') + "\"} 1",
                          "{app=\"my_app\",pod_uid=\"\",container_id=\"" +
                              std::string(64, 'b') + "\"} 0"));
}

TEST_F(ProcessMonitorTest, NamesTheContainerInTheInfo) {
  FakeProcess process;
  process.files["cgroup"] = "0::/docker/" + std::string(64, 'a') + "\n";
  proc_.SetTitled(10, 1, "gunicorn: master [my_app]", process);
  Make();
  EXPECT_THAT(Series("gunicorn_app_info"),
              ElementsAre("{app=\"my_app\",version=\"\",title=\"setproctitle\","
                          "pod_uid=\"\",container_id=\"" +
                          std::string(64, 'a') + "\"} 1"));
}

TEST_F(ProcessMonitorTest, TellsWhenAppsComeAndGo) {
  AddMyApp();
  Config config;
  config.discovery.forget_after = milliseconds(0);
  Make(config);
  const std::uint64_t generation = monitor_->AppsGeneration();
  EXPECT_EQ(monitor_->KnownApps().size(), 1U);
  monitor_->Scan();
  EXPECT_EQ(monitor_->AppsGeneration(), generation);
  for (const pid_t pid : {10, 11, 12}) proc_.Remove(pid);
  monitor_->Scan();
  EXPECT_NE(monitor_->AppsGeneration(), generation);
  EXPECT_TRUE(monitor_->KnownApps().empty());
}

TEST_F(ProcessMonitorTest, TakesNobodyForGoneWhereDescriptorsRunOut) {
  if (kSanitiserNeedsDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  AddMyApp();
  Make();
  Sample();
  const auto cpu = Series("gunicorn_cpu_seconds_total");
  {
    const NoDescriptors none;
    Sample();
    EXPECT_THAT(Messages(),
                ElementsAre("my_app: 1 master, 2 idle and 0 working workers"));
    EXPECT_FALSE(monitor_->View(false).readable);
  }
  Sample();
  EXPECT_THAT(Messages(),
              ElementsAre("my_app: 1 master, 2 idle and 0 working workers"));
  EXPECT_EQ(Series("gunicorn_cpu_seconds_total"), cpu);
  EXPECT_THAT(Series("gunicorn_workers_exited_total"),
              ElementsAre("{app=\"my_app\"} 0"));
  EXPECT_THAT(Series("gunicorn_workers_spawned_total"),
              ElementsAre("{app=\"my_app\"} 0"));
}

TEST_F(ProcessMonitorTest, SlowsDownWhereASampleCostsOverAHundredth) {
  const auto interval = [this] {
    return Series("gunicorn_exporter_process_sample_interval_seconds");
  };
  AddMyApp();
  sample_cost_ = 0.0078125;
  Make();
  Sample();
  EXPECT_THAT(interval(), ElementsAre("{} 1"));
  sample_cost_ = 0.0625;
  Sample();
  EXPECT_THAT(interval(), ElementsAre("{} 6.25"));
  EXPECT_THAT(Series("gunicorn_exporter_process_sample_cpu_seconds"),
              ElementsAre("{} 0.0625"));
  sample_cost_ = 0.0009765625;
  Sample();
  EXPECT_THAT(interval(), ElementsAre("{} 1"));
}

TEST_F(ProcessMonitorTest, ScansLessOftenWhereAScanCostsOverAHundredth) {
  AddMyApp();
  sample_cost_ = 0.125;  // A hundredth of 12.5 seconds.
  Make();
  sample_cost_ = 0;
  proc_.SetTitled(20, 1, "gunicorn: master [other]");
  // Another one than the known processes and their children: a scan's to find.
  const auto known = [this] { return monitor_->KnownApps().size(); };
  for (int second = 1; second < 13; ++second) {
    Sample();
    ASSERT_EQ(known(), 1U) << second;
  }
  Sample();
  EXPECT_EQ(known(), 2U);
}

TEST_F(ProcessMonitorTest, NeverLowersListenOverflowsOfAnAppThatItKnows) {
  const auto counts = [](int overflows) {
    FakeProcess master;
    master.files["net/tcp"] = "";
    master.files["net/netstat"] =
        "TcpExt: ListenOverflows\nTcpExt: " + std::to_string(overflows) + "\n";
    return master;
  };
  const auto total = [this] {
    now_ += seconds(1);
    return Series("gunicorn_listen_overflows_total");
  };
  proc_.SetTitled(10, 1, "gunicorn: master [my_app]", counts(5));
  proc_.SetTitled(20, 1, "gunicorn: master [my_app]", counts(7));
  Make();
  EXPECT_THAT(total(), ElementsAre("{app=\"my_app\"} 12"));
  proc_.Remove(20);
  EXPECT_THAT(total(), ElementsAre("{app=\"my_app\"} 12"));
  proc_.WriteFile("10/net/netstat", "TcpExt: ListenOverflows\nTcpExt: 6\n");
  EXPECT_THAT(total(), ElementsAre("{app=\"my_app\"} 13"));
  proc_.Remove(10);
  EXPECT_THAT(total(), ElementsAre("{app=\"my_app\"} 13"));
  now_ += Config().discovery.forget_after;
  EXPECT_THAT(total(), ElementsAre());
  proc_.SetTitled(30, 1, "gunicorn: master [my_app]", counts(2));
  EXPECT_THAT(total(), ElementsAre("{app=\"my_app\"} 2"));
}

}  // namespace
}  // namespace gunicorn_exporter
