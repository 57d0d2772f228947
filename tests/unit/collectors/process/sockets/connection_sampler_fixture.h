// One network namespace's sockets and processes as the kernel prints them, for
// tests of whose sockets they are.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "collectors/process/monitor_clocks.h"
#include "collectors/process/process_monitor.h"
#include "collectors/process/sockets/connection_sampler.h"
#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {

inline constexpr const char* kListeningRow = "0A";
inline constexpr const char* kEstablishedRow = "01";

inline std::string Link(int inode) {
  return "socket:[" + std::to_string(inode) + "]";
}

class ConnectionSamplerTest : public testing::Test {
 protected:
  // A master that listens on these sockets, and workers that hold those.
  void AddApp(pid_t pid, const std::string& name, std::vector<int> listeners,
              const std::vector<std::vector<int>>& workers, uid_t uid = 0,
              bool polls = false) {
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
      if (polls) worker.fds[4] = "anon_inode:[eventpoll]";
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
    WriteSockets();
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

  void WriteSockets() {
    proc_.WriteFile("tcp", "  sl  local_address\n" + tcp_);
    proc_.WriteFile("tcp6", "  sl  local_address\n" + tcp6_);
    proc_.WriteFile("unix", "Num RefCount\n" + unix_);
  }

  // The sockets of the same processes, by the names of their apps.
  std::map<std::string, AppSockets> SampleAgain(
      const std::function<ConnectionSampler::TimePoint()>& now =
          SystemClocks().now) {
    prometheus::Registry registry;
    ProcReader reader(proc_.root(), registry);
    std::map<std::string, AppSockets> sockets;
    SoleOwners sole_owners(reader, "");
    sole_owners.Update(known_, 0);
    for (auto& [app, found] :
         ConnectionSampler(reader, sole_owners, now).Sample(known_, {}, true)) {
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
  FakeProc proc_;
  std::map<ProcessKey, TrackedProcess> known_;  // At the last Sample().

 private:
  std::vector<pid_t> masters_;
  std::vector<pid_t> pids_;
  std::string tcp_;
  std::string tcp6_;
  std::string unix_;
  ProcessView view_;
};

inline constexpr const char* kLoopback = "0100007F:1F40";
inline constexpr const char* kWildcard = "00000000:1F40";
inline constexpr const char* kWildcard6 =
    "00000000000000000000000000000000:1F40";
inline constexpr const char* kMapped = "0000000000000000FFFF00000100007F:1F40";
inline constexpr const char* kLoopback6 =
    "00000000000000000000000001000000:1F40";

}  // namespace gunicorn_exporter
