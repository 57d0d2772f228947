#include "collectors/process/find/control_settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "collectors/process/find/control_socket.h"
#include "collectors/process/monitor_clocks.h"
#include "tests/support/control_server.h"
#include "tests/support/fake_proc.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

// This process is the master, and has a worker that is no process at all.
class ControlSettingsTest : public testing::Test {
 protected:
  ControlSettingsTest() { AddProcesses(); }

  void AddProcesses() {
    processes_.clear();
    Add(master_, ProcessRole::kMaster);
    Add(worker_, ProcessRole::kWorker);
  }

  void Add(const ProcessKey& key, ProcessRole role) {
    TrackedProcess& process = processes_[key];
    process.gunicorn.process.key = key;
    process.gunicorn.role = role;
    process.gunicorn.master = master_;
  }

  // What is known of the worker, that many seconds after it was forked.
  GunicornSettings Ask(double seconds_later) {
    settings_.Ask(processes_,
                  static_cast<double>(worker_.start_time) / TicksPerSecond() +
                      seconds_later);
    GunicornProcess worker = processes_.at(worker_).gunicorn;
    settings_.Complete(worker);
    return worker.settings;
  }

  void ServeOnce(ControlServer& server) {
    Ask(kQuiet);
    EXPECT_EQ(server.Serve(Framed(kShowConfigOfGthread)), ShowConfigMessage());
  }

  static constexpr double kQuiet = ControlSettings::kQuietSeconds + 1;

  ProcessKey master_{getpid(), 1000};
  ProcessKey worker_{1, 2000};
  std::map<ProcessKey, TrackedProcess> processes_;
  TempDir folder_;
  prometheus::Registry registry_;
  ProcReader reader_{"/proc", registry_};
  ControlSettings settings_{reader_, std::chrono::seconds(60)};
};

TEST_F(ControlSettingsTest, AsksEachMasterOnce) {
  ControlServer server(folder_ / "shop.ctl");
  ServeOnce(server);
  WaitUntil([&] { return Ask(kQuiet).slots == 8U; });
  EXPECT_EQ(Ask(kQuiet).worker_class, "gthread");
  EXPECT_EQ(Ask(kQuiet).timeout_seconds, 60U);
  EXPECT_EQ(server.TakeWaiting(), std::nullopt);
}

TEST_F(ControlSettingsTest, AsksAMasterThatHasStartedAnew) {
  ControlServer server(folder_ / "gunicorn.ctl");
  ServeOnce(server);
  WaitUntil([&] { return Ask(kQuiet).slots == 8U; });
  master_.start_time = 1001;
  AddProcesses();
  EXPECT_EQ(Ask(kQuiet).slots, std::nullopt);
  EXPECT_EQ(server.Serve(Framed(kShowConfigOfGthread)), ShowConfigMessage());
}

TEST_F(ControlSettingsTest, WaitsUntilTheMasterForksNoMore) {
  ControlServer server(folder_ / "gunicorn.ctl");
  Ask(0);
  Ask(ControlSettings::kQuietSeconds - 0.1);
  EXPECT_EQ(server.TakeWaiting(), std::nullopt);
  processes_.erase(worker_);
  settings_.Ask(processes_, 1e6);
  EXPECT_EQ(server.TakeWaiting(), std::nullopt) << "it has no worker yet";
}

TEST_F(ControlSettingsTest, CompletesWhatTheCommandLineTells) {
  ControlServer server(folder_ / "gunicorn.ctl");
  processes_.at(worker_).gunicorn.settings = {"gevent", 3, std::nullopt};
  ServeOnce(server);
  WaitUntil([&] { return Ask(kQuiet).timeout_seconds == 60U; });
  EXPECT_EQ(Ask(kQuiet).worker_class, "gevent");
  EXPECT_EQ(Ask(kQuiet).slots, 3U);
}

TEST_F(ControlSettingsTest, LeavesOtherSocketsAlone) {
  ControlServer server(folder_ / "metrics.sock");
  Ask(kQuiet);
  Ask(kQuiet);
  EXPECT_EQ(server.TakeWaiting(), std::nullopt);
}

TEST_F(ControlSettingsTest, AsksNobodyWhereThePidsAreAnother) {
  const FakeProc proc;
  ProcReader reader(proc.root(), registry_);
  ControlServer server(folder_ / "gunicorn.ctl");
  ControlSettings settings(reader, std::chrono::seconds(60));
  settings.Ask(processes_, 1e6);
  EXPECT_EQ(server.TakeWaiting(), std::nullopt);
}

}  // namespace
}  // namespace gunicorn_exporter
