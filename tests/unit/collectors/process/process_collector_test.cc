#include "collectors/process/process_collector.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "collectors/process/process_monitor.h"
#include "tests/support/fake_proc.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

// A scraper takes a counter for 0 at the time of its creation.
TEST(ProcessCollector, TellsOfNoCreationWhereTheCountBeganBeforeIt) {
  FakeProc proc;
  FakeProcess worker;
  worker.user_ticks = 500;
  proc.SetTitled(10, 1, "gunicorn: master [my_app]");
  proc.SetTitled(11, 10, "gunicorn: worker [my_app]", worker);
  MonitorClocks clocks = SystemClocks();
  clocks.unix_seconds = [] { return 1.7e9; };
  prometheus::Registry registry;
  ProcessMonitor monitor(Config(), ProcessPaths{proc.root(), ""}, registry,
                         clocks);
  monitor.Scan();
  std::map<std::string, double> created;
  for (const MetricFamily& family : ToFamilies(monitor.View(true), 100)) {
    for (const Series& series : family.series) {
      created[family.name] = series.created_seconds;
    }
  }
  EXPECT_EQ(created["gunicorn_workers_spawned_total"], 1.7e9);
  EXPECT_EQ(created["gunicorn_cpu_seconds_total"], 0);
}

TEST(ProcessCollector, TellsEachWorkersOwnFigures) {
  FakeProc proc;
  FakeProcess worker;
  worker.user_ticks = 300;
  worker.system_ticks = 50;
  worker.resident_pages = 7;
  proc.SetTitled(10, 1, "gunicorn: master [my_app]");
  proc.SetTitled(11, 10, "gunicorn: worker [my_app]", worker);
  Config config;
  config.process.per_worker = true;
  prometheus::Registry registry;
  ProcessMonitor monitor(config, ProcessPaths{proc.root(), ""}, registry,
                         SystemClocks());
  monitor.Scan();
  std::map<std::string, double> values;
  for (const MetricFamily& family : ToFamilies(monitor.View(true), 100)) {
    for (const Series& series : family.series) {
      if (!series.own || series.own->text() != "pid=\"11\"") continue;
      values[family.name] = series.value;
    }
  }
  EXPECT_EQ(values["gunicorn_worker_cpu_seconds_total"], 3.5);
  EXPECT_EQ(values["gunicorn_worker_resident_memory_bytes"],
            7.0 * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

// gunicorn sets the file's time to that of the monotonic clock.
void Touch(const std::string& file, std::int64_t monotonic_seconds) {
  WriteFile(file, "");
  const timespec time{monotonic_seconds, 0};
  const std::array<timespec, 2> times = {time, time};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times.data(), 0), 0);
}

TEST(ProcessCollector, TellsTheOldestHeartbeatOfTheWorkers) {
  const TempDir folder;
  Touch(folder / "wgunicorn-a", 7000);
  Touch(folder / "wgunicorn-b", 7005);
  Touch(folder / "app.log", 1000);
  FakeProc proc;
  FakeProcess first;
  first.fds = {{5, folder / "wgunicorn-a"}, {6, folder / "app.log"}};
  FakeProcess second;
  second.fds = {{5, folder / "wgunicorn-b"}};
  proc.SetTitled(10, 1, "gunicorn: master [my_app]");
  proc.SetTitled(11, 10, "gunicorn: worker [my_app]", first);
  proc.SetTitled(12, 10, "gunicorn: worker [my_app]", second);
  MonitorClocks clocks = SystemClocks();
  clocks.monotonic_seconds = [] { return 7010.0; };
  prometheus::Registry registry;
  ProcessMonitor monitor({}, ProcessPaths{proc.root(), ""}, registry, clocks);
  monitor.Scan();
  EXPECT_EQ(monitor.View(true).apps.at(0).heartbeat_age_seconds, 10);
}

TEST(ProcessCollector, HasNothingToReportWithoutATable) {
  const FakeProc proc;
  prometheus::Registry registry;
  ProcessThread thread(
      Config(), ProcessPaths{proc.root() + "/none", ""}, registry,
      [](const std::vector<AppId>&) {}, [](const std::vector<AppId>&) {});
  thread.Start();
  const Collected collected = ProcessCollector(thread).Collect(
      std::chrono::steady_clock::now() + std::chrono::seconds(60));
  EXPECT_EQ(collected.error, "the process table cannot be read");
  EXPECT_TRUE(collected.families.empty());
}

}  // namespace
}  // namespace gunicorn_exporter
