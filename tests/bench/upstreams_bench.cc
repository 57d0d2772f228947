// What upstreams add to a sample, on a machine with many connections that are
// none of the app's.
//
//     unshare --net sh -c "ip link set lo up; exec
//       build/dev/tests/bench/upstreams_bench [CONNECTIONS] [ROUNDS]"
//
// Makes CONNECTIONS (50000) loopback connections in other processes, which hold
// both ends, and 20 that look like a gunicorn: each worker listens with the
// others, and has 5 connections to a database. Takes ROUNDS (30) turns of a
// sample without upstreams and one with them, and prints the medians, their
// ratio, the dearest sample of all (the first one, which asks for all
// connections), and the interval that the program would take after each.
// All end with this program. As root: who may not read descriptors is not told
// whose the connections are.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "collectors/process/process_monitor.h"

namespace {

constexpr int kWorkers = 19;
constexpr int kPool = 5;
constexpr int kMostOfOneListener = 20000;  // Its clients' ports are as many.

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

int Listen(std::uint16_t& port, int flags = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, generic, size) != 0 || listen(fd, 512) != 0 ||
      getsockname(fd, generic, &size) != 0) {
    Die("listen");
  }
  port = ntohs(address.sin_port);
  return fd;
}

void Connect(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      write(fd, "?", 1) != 1) {
    Die("connect");
  }
}

void Accept(int listener) {
  if (accept(listener, nullptr, nullptr) < 0) Die("accept");
}

[[noreturn]] void SleepForEver() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (true) pause();
}

[[noreturn]] void HoldConnections(int count, int ready) {
  std::uint16_t port = 0;
  const int listener = Listen(port);
  for (int i = 0; i < count; ++i) {
    Connect(port);
    Accept(listener);
  }
  if (write(ready, "", 1) != 1) Die("write");
  SleepForEver();
}

// Becomes a process with this title; `role` says what it does then.
[[noreturn]] void Become(const std::string& title, const char* role,
                         const std::string& port) {
  execl("/proc/self/exe", title.c_str(), role, port.c_str(), nullptr);
  std::abort();
}

[[noreturn]] void PlayMaster(const std::string& port) {
  prctl(PR_SET_NAME, "gunicorn: maste");
  std::uint16_t own = 0;
  Listen(own);
  for (int i = 0; i < kWorkers; ++i) {
    if (fork() == 0) Become("gunicorn: worker [bench]", "--worker", port);
  }
  SleepForEver();
}

[[noreturn]] void PlayWorker(const std::string& port) {
  prctl(PR_SET_NAME, "gunicorn: worke");
  for (int i = 0; i < kPool; ++i) {
    Connect(static_cast<std::uint16_t>(std::stoi(port)));
  }
  SleepForEver();
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}

double SampleSeconds(gunicorn_exporter::ProcessMonitor& monitor) {
  const double before = CpuSeconds();
  monitor.Sample();
  return CpuSeconds() - before;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void RunBench(int rounds) {
  gunicorn_exporter::Config off;
  off.process.upstreams = false;
  prometheus::Registry registry;
  prometheus::Registry registry_off;
  gunicorn_exporter::ProcessMonitor with({}, {}, registry);
  gunicorn_exporter::ProcessMonitor without(off, {}, registry_off);
  const double begin = CpuSeconds();
  with.Scan();
  double dearest = CpuSeconds() - begin;
  std::vector<double> costs;
  std::vector<double> costs_off;
  for (int round = 0; round < rounds; ++round) {
    costs_off.push_back(SampleSeconds(without));
    costs.push_back(SampleSeconds(with));
    dearest = std::max(dearest, costs.back());
  }
  for (const auto& app : with.View(true).apps) {
    std::printf("%s\n", app.status.message.c_str());
    for (const auto& upstream : app.upstreams) {
      std::printf("  %s: %zu connections, %zu waits\n", upstream.peer.c_str(),
                  upstream.connections, upstream.waits);
    }
  }
  const auto print = [&](const char* name, double seconds) {
    std::printf("%-18s %9.3f ms  %6.3f x without  interval %.3f s\n", name,
                seconds * 1e3, seconds / Median(costs_off),
                std::max(1.0, seconds * 100));
  };
  print("without upstreams", Median(costs_off));
  print("with upstreams", Median(costs));
  print("the dearest look", dearest);
}

}  // namespace

int main(int count, char** arguments) {
  const rlimit descriptors{1U << 20U, 1U << 20U};
  setrlimit(RLIMIT_NOFILE, &descriptors);  // Else more processes hold them.
  if (count > 2 && std::strcmp(arguments[1], "--master") == 0) {
    PlayMaster(arguments[2]);
  }
  if (count > 2 && std::strcmp(arguments[1], "--worker") == 0) {
    PlayWorker(arguments[2]);
  }
  const int connections = count > 1 ? std::atoi(arguments[1]) : 50000;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 30;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const int each =
      std::min(kMostOfOneListener, static_cast<int>(limit.rlim_cur - 100) / 2);
  int ready[2];
  if (pipe(ready) != 0) Die("pipe");
  std::vector<pid_t> children;
  for (int first = 0; first < connections; first += each) {
    const pid_t pid = fork();
    if (pid == 0)
      HoldConnections(std::min(each, connections - first), ready[1]);
    children.push_back(pid);
  }
  for (std::size_t i = 0; i < children.size(); ++i) {
    char byte = 0;
    if (read(ready[0], &byte, 1) != 1) Die("read");
  }
  std::uint16_t port = 0;
  const int database = Listen(port, SOCK_CLOEXEC);  // None of the app's.
  const pid_t master = fork();
  if (master == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Become("gunicorn: master [bench]", "--master", std::to_string(port));
  }
  children.push_back(master);
  for (int i = 0; i < kWorkers * kPool; ++i) Accept(database);
  RunBench(rounds);
  for (const pid_t pid : children) kill(pid, SIGKILL);
  while (wait(nullptr) > 0) {
  }
  return 0;
}
