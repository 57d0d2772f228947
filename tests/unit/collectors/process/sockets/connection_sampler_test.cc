// Whose connections and queues are those, on addresses that are shared? The
// tables are written as the kernel prints them, for one network namespace.
#include "collectors/process/sockets/connection_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "collectors/process/process_monitor.h"
#include "tests/support/fake_proc.h"
#include "tests/support/read_error_counts.h"

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kListening = "0A";
constexpr const char* kEstablished = "01";

std::string Link(int inode) { return "socket:[" + std::to_string(inode) + "]"; }

class ConnectionSamplerTest : public testing::Test {
 protected:
  // A master that listens on these sockets, and workers that hold those.
  void AddApp(pid_t pid, const std::string& name, std::vector<int> listeners,
              const std::vector<std::vector<int>>& workers, uid_t uid = 0) {
    FakeProcess process;
    process.files["status"] = "Uid:\t0\t" + std::to_string(uid) + "\t0\t0\n";
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      process.fds[static_cast<int>(i) + 5] = Link(listeners[i]);
    }
    proc_.SetTitled(pid, 1, "gunicorn: master [" + name + "]", process);
    masters_.push_back(pid);
    pids_.push_back(pid);
    for (const std::vector<int>& held : workers) {
      FakeProcess worker = process;
      for (const int inode : held) worker.fds[inode] = Link(inode);
      const auto worker_pid = static_cast<pid_t>(
          pid + static_cast<pid_t>(&held - workers.data()) + 1);
      proc_.SetTitled(worker_pid, pid, "gunicorn: worker [" + name + "]",
                      worker);
      pids_.push_back(worker_pid);
    }
  }

  void Tcp(const std::string& local, const std::string& state, int inode,
           int queue = 0, uid_t uid = 0) {
    char row[300];
    std::snprintf(row, sizeof row,
                  "   0: %s %s:0000 %s 00000000:%08X 00:00000000 00000000 %5u  "
                  "      0 %d 1 0000000000000000 20 4 30 10 -1\n",
                  local.c_str(), std::string(local.find(':'), '0').c_str(),
                  state.c_str(), queue, uid, inode);
    (local.find(':') == 8 ? tcp_ : tcp6_) += row;
  }

  // As of a listener, or of a connection that was accepted or waits (inode 0).
  void Unix(const std::string& path, bool listening, int inode) {
    char row[300];
    std::snprintf(row, sizeof row,
                  "0000000000000000: 00000002 00000000 %s 0001 %s %d %s\n",
                  listening ? "00010000" : "00000000",
                  listening ? "01" : (inode == 0 ? "02" : "03"), inode,
                  path.c_str());
    unix_ += row;
  }

  void AddOrphan(pid_t pid, const std::string& name, int listener) {
    FakeProcess worker;
    worker.fds[5] = Link(listener);
    proc_.SetTitled(pid, 1, "gunicorn: worker [" + name + "]", worker);
  }

  void AddStranger(pid_t pid, uid_t uid) {
    FakeProcess process;
    process.files["status"] = "Uid:\t0\t" + std::to_string(uid) + "\t0\t0\n";
    proc_.SetCommand(pid, 1, "nginx", process);
  }

  // As of another user's processes.
  void DenyDescriptors() {
    for (const pid_t pid : pids_) DenyDescriptorsOf(pid);
  }

  void DenyDescriptorsOf(pid_t pid) {
    RemoveFile(std::to_string(pid) + "/fd");
    proc_.WriteFile(std::to_string(pid) + "/fd", "");
  }

  void RemoveFile(const std::string& path) {
    std::filesystem::remove_all(proc_.root() + "/" + path);
  }

  // Opened after its workers were forked.
  void HoldByMaster(pid_t pid, int inode) {
    std::filesystem::create_symlink(
        Link(inode), proc_.root() + "/" + std::to_string(pid) + "/fd/" +
                         std::to_string(inode));
  }

  void Sample() { SampleIn(masters_); }

  // These processes' network namespace.
  void SampleIn(const std::vector<pid_t>& pids) {
    proc_.WriteFile("tcp", "  sl  local_address\n" + tcp_);
    proc_.WriteFile("tcp6", "  sl  local_address\n" + tcp6_);
    proc_.WriteFile("unix", "Num RefCount\n" + unix_);
    for (const pid_t pid : pids) {
      const auto net =
          std::filesystem::path(proc_.root()) / std::to_string(pid) / "net";
      std::filesystem::create_directories(net);
      for (const char* file : {"tcp", "tcp6", "unix"}) {
        // One file is one namespace.
        std::filesystem::remove(net / file);
        std::filesystem::create_hard_link(
            std::filesystem::path(proc_.root()) / file, net / file);
      }
    }
    ProcessMonitor monitor(config_, ProcessPaths{proc_.root(), ""}, registry_);
    monitor.Scan();
    monitor.Sample();
    view_ = monitor.View(true);
    known_ = monitor.processes();
  }

  // The sockets of the same processes, by the names of their apps.
  std::map<std::string, AppSockets> SampleAgain() {
    prometheus::Registry registry;
    ReadErrors errors(registry);
    ProcReader reader(proc_.root(), errors);
    std::map<std::string, AppSockets> sockets;
    SoleOwners sole_owners(reader, "");
    sole_owners.Update(known_);
    for (auto& [app, found] :
         ConnectionSampler(reader, sole_owners).Sample(known_, {}, {})) {
      sockets[app.name] = found;
    }
    return sockets;
  }

  const AppView& App(const std::string& name) const {
    for (const AppView& app : view_.apps) {
      if (app.status.app.name == name) return app;
    }
    throw std::runtime_error("no app is called " + name);
  }

  // "127.0.0.1:8000 2"
  std::vector<std::string> Queues(const std::string& name) const {
    std::vector<std::string> queues;
    for (const ListenQueue& queue : App(name).listen_queues) {
      queues.push_back(queue.address + " " + std::to_string(queue.length));
    }
    return queues;
  }

  std::size_t Working(const std::string& name) const {
    return App(name).status.working;
  }

  std::size_t Unknown(const std::string& name) const {
    return App(name).status.unknown;
  }

  Config config_;
  prometheus::Registry registry_;

 private:
  FakeProc proc_;
  std::vector<pid_t> masters_;
  std::vector<pid_t> pids_;
  std::string tcp_;
  std::string tcp6_;
  std::string unix_;
  ProcessView view_;
  std::map<ProcessKey, TrackedProcess> known_;
};

constexpr const char* kLoopback = "0100007F:1F40";
constexpr const char* kWildcard = "00000000:1F40";
constexpr const char* kWildcard6 = "00000000000000000000000000000000:1F40";
constexpr const char* kMapped = "0000000000000000FFFF00000100007F:1F40";
constexpr const char* kLoopback6 = "00000000000000000000000001000000:1F40";

TEST_F(ConnectionSamplerTest, TellsTwoAppsOnOnePortApart) {
  AddApp(10, "first", {100}, {{1, 2}, {}});
  AddApp(20, "second", {200}, {{3}, {}});
  Tcp(kLoopback, kListening, 100, 4);
  Tcp(kLoopback, kListening, 200, 1);
  for (const int inode : {1, 2, 3, 0}) Tcp(kLoopback, kEstablished, inode);
  Sample();
  EXPECT_EQ(App("first").connections, 2U);
  EXPECT_EQ(App("second").connections, 1U);
  EXPECT_EQ(Working("first"), 1U);
  EXPECT_EQ(Working("second"), 1U);
  EXPECT_THAT(Queues("first"), ElementsAre("127.0.0.1:8000 4"));
  EXPECT_THAT(Queues("second"), ElementsAre("127.0.0.1:8000 1"));
}

TEST_F(ConnectionSamplerTest, AddsUpTwoMastersOfOneAppOnOnePort) {
  AddApp(10, "my_app", {100}, {{1}});
  AddApp(20, "my_app", {200}, {{2}});
  Tcp(kLoopback, kListening, 100, 4);
  Tcp(kLoopback, kListening, 200, 1);
  for (const int inode : {1, 2}) Tcp(kLoopback, kEstablished, inode);
  Sample();
  EXPECT_EQ(App("my_app").connections, 2U);
  EXPECT_EQ(Working("my_app"), 2U);
  EXPECT_THAT(Queues("my_app"), ElementsAre("127.0.0.1:8000 5"));
}

TEST_F(ConnectionSamplerTest, CountsASocketOnceThatTwoMastersOfOneAppHave) {
  AddApp(10, "my_app", {100}, {{1}});
  AddApp(20, "my_app", {100}, {{2}});
  Tcp(kLoopback, kListening, 100, 4);
  for (const int inode : {1, 2}) Tcp(kLoopback, kEstablished, inode);
  Sample();
  EXPECT_EQ(App("my_app").connections, 2U);
  EXPECT_THAT(Queues("my_app"), ElementsAre("127.0.0.1:8000 4"));
}

TEST_F(ConnectionSamplerTest, ShowsTheQueueOfASharedSocketInEachApp) {
  AddApp(10, "first", {100}, {{1}});
  AddApp(20, "second", {100}, {{2}});
  Tcp(kLoopback, kListening, 100, 4);
  for (const int inode : {1, 2}) Tcp(kLoopback, kEstablished, inode);
  Sample();
  EXPECT_EQ(App("first").connections, 1U);
  EXPECT_EQ(App("second").connections, 1U);
  EXPECT_THAT(Queues("first"), ElementsAre("127.0.0.1:8000 4"));
  EXPECT_THAT(Queues("second"), ElementsAre("127.0.0.1:8000 4"));
}

TEST_F(ConnectionSamplerTest, LeavesOutWhatAForeignProcessHolds) {
  AddApp(10, "my_app", {100}, {{1}, {}});
  Tcp(kLoopback, kListening, 100);
  Tcp(kLoopback, kListening, 900, 7);
  for (const int inode : {1, 901, 902}) Tcp(kLoopback, kEstablished, inode);
  Sample();
  EXPECT_EQ(App("my_app").connections, 1U);
  EXPECT_EQ(Working("my_app"), 1U);
  EXPECT_THAT(Queues("my_app"), ElementsAre("127.0.0.1:8000 0"));
}

TEST_F(ConnectionSamplerTest, TellsAnExactAddressFromTheWildcard) {
  AddApp(10, "exact", {100}, {{1}});
  AddApp(20, "any", {200}, {{2}});
  Tcp(kLoopback, kListening, 100);
  Tcp(kWildcard, kListening, 200);
  Tcp(kLoopback, kEstablished, 1);
  // Accepted before the exact address was opened.
  Tcp(kLoopback, kEstablished, 2);
  Sample();
  EXPECT_EQ(App("exact").connections, 1U);
  EXPECT_EQ(App("any").connections, 1U);
}

TEST_F(ConnectionSamplerTest, KnowsTheClientsOfADualStackListener) {
  AddApp(10, "my_app", {100}, {{1}, {2}});
  Tcp(kWildcard6, kListening, 100, 1);
  Tcp(kMapped, kEstablished, 1);
  Tcp(kLoopback6, kEstablished, 2);
  // Of a foreign listener, of IPv4 alone, on the same port.
  Tcp(kWildcard, kListening, 900);
  Tcp(kLoopback, kEstablished, 901);
  Sample();
  EXPECT_EQ(App("my_app").connections, 2U);
  EXPECT_EQ(Working("my_app"), 2U);
  EXPECT_THAT(Queues("my_app"), ElementsAre("[::]:8000 1"));
}

TEST_F(ConnectionSamplerTest, TellsTwoListenersOnOneUnixPathApart) {
  AddApp(10, "first", {100}, {{1}});
  AddApp(20, "second", {200}, {{2}});
  Unix("/run/a.sock", true, 100);
  Unix("/run/a.sock", true, 200);
  for (const int inode : {1, 2}) Unix("/run/a.sock", false, inode);
  Sample();
  EXPECT_EQ(App("first").connections, 1U);
  EXPECT_EQ(App("second").connections, 1U);
}

TEST_F(ConnectionSamplerTest, CountsWhatWaitsOnAUnixPathOnce) {
  AddApp(10, "my_app", {100}, {{1}});
  AddApp(20, "my_app", {200}, {{2}});
  Unix("/run/a.sock", true, 100);
  Unix("/run/a.sock", true, 200);
  for (const int inode : {0, 0, 0}) Unix("/run/a.sock", false, inode);
  Sample();
  EXPECT_THAT(Queues("my_app"), ElementsAre("unix:/run/a.sock 3"));
}

TEST_F(ConnectionSamplerTest, LeavesOutWhatTheMasterAloneHolds) {
  AddApp(10, "my_app", {100}, {{1}});
  HoldByMaster(10, 101);
  HoldByMaster(10, 102);
  Tcp(kLoopback, kListening, 100);
  Tcp("0100007F:1F41", kListening, 101);
  Unix("/home/me/.gunicorn/control.sock", true, 102);
  Sample();
  EXPECT_THAT(Queues("my_app"), ElementsAre("127.0.0.1:8000 0"));
}

// As where descriptors have run out, and its stat cannot be read.
TEST_F(ConnectionSamplerTest, TakesNoWorkerForGoneThatCannotBeRead) {
  AddApp(10, "my_app", {100}, {{1}});
  Tcp(kLoopback, kListening, 100);
  Tcp(kLoopback, kEstablished, 1);
  Sample();
  DenyDescriptorsOf(11);
  RemoveFile("11/stat");
  EXPECT_EQ(SampleAgain()["my_app"].connections, 1U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsLeavesOutOtherUsersConnections) {
  AddApp(10, "my_app", {100}, {{1}, {}}, 33);
  Tcp(kLoopback, kListening, 100, 0, 33);
  Tcp(kLoopback, kEstablished, 1, 0, 33);
  Tcp(kLoopback, kEstablished, 901, 0, 99);
  DenyDescriptors();
  Sample();
  EXPECT_EQ(App("my_app").connections, 1U);
  EXPECT_EQ(Working("my_app"), 1U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsLeavesOutWhatComesInElsewhere) {
  AddApp(10, "my_app", {100}, {{1}, {}}, 33);
  Tcp(kWildcard, kListening, 100, 0, 33);
  // Clients of the loopback address are this one's, although it is shared.
  Tcp(kLoopback, kListening, 900, 0, 99);
  Tcp(kLoopback, kListening, 901, 0, 99);
  Tcp(kLoopback, kEstablished, 902, 0, 33);
  DenyDescriptors();
  Sample();
  EXPECT_EQ(App("my_app").connections, 0U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsASharedPortHasNoConnections) {
  AddApp(10, "my_app", {100}, {{1}, {}}, 33);
  Tcp(kLoopback, kListening, 100, 0, 33);
  Tcp(kLoopback, kListening, 900, 0, 99);
  Tcp(kLoopback, kEstablished, 1, 0, 33);
  DenyDescriptors();
  Sample();
  EXPECT_FALSE(App("my_app").connections);
  EXPECT_EQ(Unknown("my_app"), 2U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsTwoAppsOfOneUserHaveNoSockets) {
  AddApp(10, "first", {100}, {{1}}, 33);
  AddApp(20, "second", {200}, {{2}}, 33);
  Tcp(kLoopback, kListening, 100, 0, 33);
  Tcp("0100007F:1F41", kListening, 200, 0, 33);
  Tcp(kLoopback, kEstablished, 1, 0, 33);
  DenyDescriptors();
  Sample();
  EXPECT_FALSE(App("first").connections);
  EXPECT_FALSE(App("second").connections);
  EXPECT_THAT(Queues("first"), IsEmpty());
  EXPECT_EQ(Unknown("first"), 1U);
}

// Another process of that user may have opened it.
TEST_F(ConnectionSamplerTest, WithoutRightsAUserOfOtherProcessesProvesNothing) {
  AddApp(10, "my_app", {100}, {{1}, {}}, 33);
  AddStranger(50, 33);
  Tcp(kLoopback, kListening, 100, 0, 33);
  Tcp(kLoopback, kEstablished, 1, 0, 33);
  DenyDescriptors();
  Sample();
  EXPECT_FALSE(App("my_app").connections);
  EXPECT_THAT(Queues("my_app"), IsEmpty());
  EXPECT_EQ(Unknown("my_app"), 2U);
}

TEST_F(ConnectionSamplerTest, WithoutRightsTheConfiguredBindIsTheApps) {
  InstanceConfig instance;
  instance.proc_name = "my_app";
  instance.bind = {"127.0.0.1:8000", "unix:/run/a.sock"};
  config_.instances = {instance};
  AddApp(10, "my_app", {100}, {{1}, {}, {}}, 33);
  AddStranger(50, 33);
  Tcp(kLoopback, kListening, 100, 3);
  Tcp(kLoopback, kEstablished, 1);
  Unix("/run/a.sock", true, 101);
  Unix("/run/a.sock", false, 2);
  Unix("/run/b.sock", true, 102);
  DenyDescriptors();
  Sample();
  EXPECT_EQ(App("my_app").connections, 2U);
  EXPECT_EQ(App("my_app").requests_in_progress, 2U);
  EXPECT_EQ(Working("my_app"), 2U);
  EXPECT_EQ(Unknown("my_app"), 0U);
  EXPECT_THAT(Queues("my_app"),
              ElementsAre("127.0.0.1:8000 3", "unix:/run/a.sock 0"));
}

TEST_F(ConnectionSamplerTest, NamesWhereOrphansListen) {
  AddOrphan(11, "my_app", 100);
  Tcp(kLoopback, kListening, 100);
  SampleIn({11});
  EXPECT_EQ(App("my_app").status.message,
            "Found no master process with name: gunicorn: master [my_app]; 1 "
            "orphaned worker (pid 11) still runs and listens on "
            "127.0.0.1:8000");
  EXPECT_FALSE(App("my_app").status.ok);
  EXPECT_EQ(App("my_app").status.Workers(), 0U);
}

}  // namespace
}  // namespace gunicorn_exporter
