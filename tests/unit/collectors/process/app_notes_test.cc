#include "collectors/process/app_notes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <memory>

#include "collectors/process/process_collector.h"
#include "collectors/process/process_monitor.h"
#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(AreNear, TellsWhatMayBeMeant) {
  const std::pair<const char*, const char*> near[] = {
      {"my_app", "my-app"},      {"my_app", "MyApp"},   {"shop", "shops"},
      {"shop", "shop.wsgi:app"}, {"billing", "biling"}, {"app:app", "app"},
      {"shop", "shap"},
  };
  for (const auto& [left, right] : near) {
    EXPECT_TRUE(AreNear(left, right)) << left << " " << right;
    EXPECT_TRUE(AreNear(right, left)) << left << " " << right;
  }
  const std::pair<const char*, const char*> far[] = {
      {"shop", "api"}, {"web", "db"},       {"a", "b"},
      {"", ""},        {"", "shop"},        {"-", "_"},
      {"shop", "a"},   {"my_app", "admin"}, {"app", "ap"},
  };
  for (const auto& [left, right] : far) {
    EXPECT_FALSE(AreNear(left, right)) << left << " " << right;
    EXPECT_FALSE(AreNear(right, left)) << left << " " << right;
  }
}

class AppNotesTest : public testing::Test {
 protected:
  void Start(const std::vector<std::string>& instances = {}) {
    Config config;
    for (const std::string& name : instances) {
      config.instances.push_back({name, {}, "", ""});
    }
    config.discovery.enabled = instances.empty();
    const MonitorClocks clocks{[this] { return now_; }, [] { return 3600.0; },
                               [] { return 1.7e9; }, [] { return 3600.0; },
                               [] { return 0.0; }};
    monitor_ = std::make_unique<ProcessMonitor>(
        config, ProcessPaths{proc_.root(), ""}, registry_, clocks);
    monitor_->Scan();
  }

  // A master and a worker of it, which hold a listening socket of that number.
  void Run(pid_t pid, const std::string& name, int port = 0,
           FakeProcess master = {}) {
    FakeProcess worker;
    if (port != 0) {
      const std::string inode = std::to_string(port);
      char row[200];
      std::snprintf(row, sizeof row,
                    "  0: 0100007F:%04X 00000000:0000 0A 00000000:00000000 "
                    "00:00000000 00000000 0 0 %s 1 0\n",
                    static_cast<unsigned>(port), inode.c_str());
      listeners_ += row;
      master.fds[5] = worker.fds[5] = "socket:[" + inode + "]";
    }
    proc_.SetTitled(pid, 1, "gunicorn: master [" + name + "]", master);
    proc_.SetTitled(pid + 1, pid, "gunicorn: worker [" + name + "]", worker);
    // One network namespace: the rows are all of each.
    for (const pid_t master_pid : masters_) Listen(master_pid);
    masters_.push_back(pid);
    Listen(pid);
  }

  void Listen(pid_t pid) {
    proc_.WriteFile(std::to_string(pid) + "/net/tcp", "header\n" + listeners_);
  }

  void Stop(pid_t pid) {
    proc_.Remove(pid);
    proc_.Remove(pid + 1);
    std::erase(masters_, pid);
  }

  // A second later, by a sample.
  std::vector<std::string> Notes(const std::string& app,
                                 std::chrono::seconds later = seconds(1)) {
    now_ += later;
    monitor_->Scan();
    monitor_->Sample();
    view_ = monitor_->View(false);
    for (const AppView& known : view_.apps) {
      if (known.status.app.name == app) return known.status.notes;
    }
    return {"no such app"};
  }

  bool HasIsRunning() {
    for (const MetricFamily& family : ToFamilies(monitor_->View(true), 100)) {
      if (family.name == "gunicorn_is_running") return true;
    }
    return false;
  }

  FakeProc proc_;
  std::string listeners_;
  std::vector<pid_t> masters_;
  prometheus::Registry registry_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  std::unique_ptr<ProcessMonitor> monitor_;
  ProcessView view_;
};

TEST_F(AppNotesTest, NameWhatRunsUnderANearName) {
  Run(10, "my_app");
  Run(20, "my_app2");
  Run(30, "other");
  Start({"my-app"});
  EXPECT_THAT(Notes("my-app"), ElementsAre("these run: my_app and my_app2"));
  Stop(20);
  EXPECT_THAT(Notes("my-app"), ElementsAre("these run: my_app"));
  Run(40, "my-app");
  EXPECT_THAT(Notes("my-app"), IsEmpty());
  EXPECT_EQ(view_.apps.size(), 1U) << "strangers are no apps";
}

TEST_F(AppNotesTest, NameTwoGunicornsOfOneNameByWhereTheyListen) {
  Run(10, "shop", 8000);
  Start();
  EXPECT_THAT(Notes("shop"), IsEmpty());
  Run(20, "shop", 8001);
  EXPECT_THAT(Notes("shop"),
              ElementsAre("2 gunicorns have this name: pid 10 and 20, which "
                          "listen on 127.0.0.1:8000 and 127.0.0.1:8001"));
}

TEST_F(AppNotesTest, SayThatOneOfTwoHasGoneUntilItReturns) {
  Run(10, "shop", 8000);
  Run(20, "shop", 8001);
  Start();
  EXPECT_EQ(Notes("shop").size(), 1U);
  Stop(20);
  const auto lost = ElementsAre(
      "2 gunicorns had this name, and 1 is left: pid 20 has gone, and nothing "
      "listens on 127.0.0.1:8001");
  EXPECT_THAT(Notes("shop"), lost);
  EXPECT_THAT(Notes("shop", minutes(9)), lost);
  Run(30, "shop", 8001);
  EXPECT_THAT(Notes("shop"),
              ElementsAre(testing::StartsWith("2 gunicorns have this name")));
  Stop(30);
  EXPECT_THAT(Notes("shop"), ElementsAre(testing::HasSubstr("pid 30")));
  EXPECT_THAT(Notes("shop", minutes(10)), IsEmpty()) << "forget_after";
}

TEST_F(AppNotesTest, SayNothingOfAnUpgrade) {
  Run(10, "shop", 8000);
  Start();
  EXPECT_THAT(Notes("shop"), IsEmpty());
  proc_.SetTitled(20, 10, "gunicorn: master [shop.2]");
  proc_.SetTitled(21, 20, "gunicorn: worker [shop.2]");
  EXPECT_THAT(Notes("shop"), IsEmpty());
  EXPECT_EQ(view_.apps.at(0).status.masters, 2U);
  Stop(10);
  proc_.SetTitled(20, 1, "gunicorn: master [shop.2]");
  EXPECT_THAT(Notes("shop"), IsEmpty());
  EXPECT_EQ(view_.apps.at(0).status.masters, 1U);
}

TEST_F(AppNotesTest, SayNothingOfContainers) {
  const std::string id(64, 'a');
  FakeProcess contained;
  contained.files["cgroup"] = "0::/system.slice/docker-" + id + ".scope\n";
  Run(10, "shop", 0, contained);
  Run(20, "shop", 0, contained);
  Start();
  EXPECT_THAT(Notes("shop"), IsEmpty());
  Stop(20);
  EXPECT_THAT(Notes("shop"), IsEmpty());
}

TEST_F(AppNotesTest, SayThatOtherUsersProcessesAreHidden) {
  Run(10, "mine");
  struct stat folder {};
  ASSERT_EQ(stat(proc_.root().c_str(), &folder), 0);
  proc_.WriteFile("self/mountinfo",
                  "23 28 " + std::to_string(major(folder.st_dev)) + ":" +
                      std::to_string(minor(folder.st_dev)) +
                      " / /proc rw - proc proc rw,hidepid=invisible\n");
  proc_.WriteFile("self/status", "Gid:\t1\t1\t1\t1\nCapEff:\t0\n");
  Start({"mine", "shop"});
  EXPECT_THAT(Notes("mine"), IsEmpty());
  EXPECT_THAT(Notes("shop"),
              ElementsAre("other users' processes cannot be seen (hidepid of "
                          "/proc): whether it runs is not known"));
  EXPECT_TRUE(HasIsRunning());
  Start({"shop"});
  EXPECT_FALSE(HasIsRunning());
}

}  // namespace
}  // namespace gunicorn_exporter
