#include "collectors/process/read/process_end.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

namespace gunicorn_exporter {
namespace {

// struct pidfd_info as of Linux 6.15; Debian 12's headers are older.
struct PidfdInfo {
  std::uint64_t mask = 0;  // What is asked for, then what was told.
  std::uint64_t cgroup_id = 0;
  std::uint32_t pids[3] = {};
  std::uint32_t users_and_groups[8] = {};
  std::int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);

constexpr std::uint64_t kExit = 1U << 3;
constexpr std::uint64_t kGetInfo = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

ProcessEnd::ProcessEnd(pid_t pid)
    : pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

std::optional<int> ProcessEnd::Status() const {
  PidfdInfo info;
  info.mask = kExit;
  if (!pidfd_ || ioctl(pidfd_.get(), kGetInfo, &info) != 0 ||
      (info.mask & kExit) == 0) {
    return std::nullopt;
  }
  return info.exit_code;
}

bool KernelTellsProcessEnds() {
  static const bool tells = [] {
    const pid_t child = fork();
    if (child == 0) _exit(1);
    if (child < 0) return false;
    const ProcessEnd end(child);
    waitpid(child, nullptr, 0);
    return end.Status().has_value();
  }();
  return tells;
}

}  // namespace gunicorn_exporter
