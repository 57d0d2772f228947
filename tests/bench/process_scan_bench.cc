// What a look at the process table costs in CPU time, beside the least that a
// program can do: a bare C loop that opens and reads /proc/PID/stat of every
// process.
//
//     taskset -c 1 build/dev/tests/bench/process_scan_bench [IDLE] [ROUNDS]
//
// Other gunicorns of the machine are sampled as well; alone with its own, as
// root: unshare --pid --fork --mount-proc --net taskset -c 1 ...
//
// Makes IDLE processes (3000) that sleep and 20 that look like a gunicorn, then
// takes ROUNDS (30) turns of loop, scan and sample, and prints the median of
// each, their ratios, and what psutil (python3-psutil) takes for the same as
// the agents do it: process_iter with the command lines. "first" is a scan in
// the first minute of all of them. All end with this program.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "collectors/process/process_monitor.h"

namespace {

constexpr int kWorkers = 19;

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}

void ReadEveryStat() {
  DIR* const directory = opendir("/proc");
  while (const dirent* entry = readdir(directory)) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) == 0)
      continue;
    char path[300];
    std::snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    const int fd = open(path, O_RDONLY);
    if (fd < 0) continue;
    char buffer[4096];
    if (read(fd, buffer, sizeof buffer) < 0) std::perror("read");
    close(fd);
  }
  closedir(directory);
}

[[noreturn]] void SleepForEver() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (true) pause();
}

// Becomes a process with this title; `role` says what it does then.
[[noreturn]] void Become(const std::string& title, const char* role) {
  execl("/proc/self/exe", title.c_str(), role, nullptr);
  std::abort();
}

[[noreturn]] void PlayMaster() {
  prctl(PR_SET_NAME, "gunicorn: maste");
  for (int i = 0; i < kWorkers; ++i) {
    if (fork() == 0) Become("gunicorn: worker [bench]", "--worker");
  }
  SleepForEver();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <typename Work>
double Measure(Work work) {
  const double before = CpuSeconds();
  work();
  return CpuSeconds() - before;
}

void RunBench(int idle, int rounds) {
  prometheus::Registry registry;
  auto clocks = gunicorn_exporter::SystemClocks();
  std::chrono::minutes later{0};
  clocks.now = [&later] { return std::chrono::steady_clock::now() + later; };
  gunicorn_exporter::ProcessMonitor monitor({}, {}, registry, clocks);
  std::vector<double> loop;
  std::vector<double> scan;
  std::vector<double> sample;
  std::vector<double> first;
  for (int round = 0; round < rounds; ++round) {
    first.push_back(Measure([&] { monitor.Scan(); }));
  }
  later = std::chrono::minutes(2);
  monitor.Scan();
  monitor.Sample();
  for (int round = 0; round < rounds; ++round) {
    loop.push_back(Measure(ReadEveryStat));
    scan.push_back(Measure([&] { monitor.Scan(); }));
    sample.push_back(Measure([&] { monitor.Sample(); }));
  }
  std::printf("processes: %zu, of them idle ones made here: %d\n",
              monitor.View(false).processes, idle);
  for (const auto& app : monitor.View(false).apps)
    std::printf("%s\n", app.status.message.c_str());
  const double base = Median(loop);
  const auto print = [&](const char* name, double seconds) {
    std::printf("%-8s %9.3f ms  %6.3f x the loop\n", name, seconds * 1e3,
                seconds / base);
  };
  print("loop", base);
  print("first", Median(first));
  print("scan", Median(scan));
  print("sample", Median(sample));
  std::fflush(stdout);
  const int failed = std::system(
      "/usr/bin/python3 -c \"\n"
      "import psutil, statistics, time\n"
      "def once():\n"
      "  begin = time.process_time()\n"
      "  for process in psutil.process_iter(['pid', 'name', 'cmdline']): pass\n"
      "  return time.process_time() - begin\n"
      "once()\n"
      "print('psutil   %9.3f ms' % (1e3 * statistics.median(once() for _ in "
      "range(7))))\n"
      "\"");
  if (failed != 0) std::printf("psutil was not measured\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "--master") == 0) PlayMaster();
  if (count > 1 && std::strcmp(arguments[1], "--worker") == 0) {
    prctl(PR_SET_NAME, "gunicorn: worke");
    SleepForEver();
  }
  const int idle = count > 1 ? std::atoi(arguments[1]) : 3000;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 30;
  std::vector<pid_t> children;
  for (int i = 0; i < idle; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_NAME, "idle");
      SleepForEver();
    }
    if (pid > 0) children.push_back(pid);
  }
  const pid_t master = fork();
  if (master == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Become("gunicorn: master [bench]", "--master");
  }
  children.push_back(master);
  sleep(2);
  RunBench(idle, rounds);
  for (const pid_t pid : children) kill(pid, SIGKILL);
  while (wait(nullptr) > 0) {
  }
  return 0;
}
