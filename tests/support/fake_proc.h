// A folder that looks like /proc, for tests: made in a temporary place, gone
// with its owner.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace gunicorn_exporter {

struct FakeProcess {
  pid_t ppid = 1;
  std::string cmdline;  // NULs included.
  char state = 'S';
  bool forked_only = false;
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  std::uint64_t threads = 1;
  std::uint64_t start_time = 1000;
  std::uint64_t resident_pages = 100;
  std::uint64_t caught_signals = 0;  // As in ProcStat.
  // Further files of its folder: "cgroup", "net/tcp", "status". Where net/tcp
  // is not among them it is empty: a network namespace of the process's own.
  std::map<std::string, std::string> files;
  // What its descriptors are: {5, "socket:[17]"}.
  std::map<int, std::string> fds;
};

// As of a real master and a real sync worker of it.
inline constexpr std::uint64_t kMastersSignals = 0x8314a07;
inline constexpr std::uint64_t kWorkersSignals = 0x8304226;

class FakeProc {
 public:
  FakeProc();
  ~FakeProc();
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;

  std::string root() const { return root_.string(); }

  // Writes the process anew.
  void Set(pid_t pid, const FakeProcess& process);
  // "gunicorn: master [my_app]", padded with NULs as setproctitle does it.
  void SetTitled(pid_t pid, pid_t ppid, std::string_view title,
                 FakeProcess process = {});
  // "python3 -m gunicorn app:app": blanks become the NULs between arguments.
  void SetCommand(pid_t pid, pid_t ppid, std::string command,
                  FakeProcess process = {});
  void Remove(pid_t pid);
  void WriteFile(const std::string& path, std::string_view text);

 private:
  std::filesystem::path root_;
};

}  // namespace gunicorn_exporter
