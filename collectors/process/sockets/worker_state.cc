#include "collectors/process/sockets/worker_state.h"

#include <algorithm>
#include <limits>

#include "collectors/process/read/proc_parse.h"
#include "collectors/process/read/text_fields.h"

namespace gunicorn_exporter {
namespace {

// Of a CPU: 20 ms in a second.
constexpr double kBusyShare = 0.02;
// In so short a time one tick is a good part of it; in a longer one it may be
// what a minute of heartbeats came to.
constexpr double kShortSeconds = 0.05;

constexpr std::string_view kEpoll = "anon_inode:[eventpoll]";
constexpr std::string_view kEventFd = "anon_inode:[eventfd]";

}  // namespace

bool IsBurningCpu(std::uint64_t ticks, double seconds,
                  double ticks_per_second) {
  if (seconds <= 0 || ticks == 0) return false;
  if (ticks == 1 && seconds >= kShortSeconds) return false;
  return static_cast<double>(ticks) >= kBusyShare * seconds * ticks_per_second;
}

WorkerSockets TellWorkerSockets(const std::vector<FdLink>& links,
                                const std::vector<std::set<int>>& epoll_sets,
                                const std::set<std::uint64_t>& clients) {
  WorkerSockets sockets;
  bool event_loop = false;
  bool epoll = false;
  for (const FdLink& link : links) {
    const bool polled = std::any_of(
        epoll_sets.begin(), epoll_sets.end(),
        [&](const std::set<int>& set) { return set.contains(link.fd); });
    epoll = epoll || link.target == kEpoll;
    event_loop = event_loop || (polled && link.target == kEventFd);
    const auto inode = ParseSocketLink(link.target);
    if (!inode) continue;
    sockets.inodes.insert(*inode);
    if (!polled) continue;
    sockets.registered.insert(*inode);
    event_loop = event_loop || !clients.contains(*inode);
  }
  if (!epoll) {
    sockets.kind = WorkerKind::kSync;
  } else {
    sockets.kind = event_loop ? WorkerKind::kAsync : WorkerKind::kPolling;
  }
  return sockets;
}

std::set<int> ParseEpollSet(std::string_view fdinfo) {
  std::set<int> descriptors;
  while (!fdinfo.empty()) {
    std::string_view line = NextLine(fdinfo);
    if (NextField(line) != "tfd:") continue;
    const auto number = ParseDecimal(NextField(line));
    if (number && *number <= std::numeric_limits<int>::max()) {
      descriptors.insert(static_cast<int>(*number));
    }
  }
  return descriptors;
}

bool IsInHand(ConnectionState exchange, WorkerKind kind, bool registered) {
  if (kind == WorkerKind::kSync) return true;
  if (exchange == ConnectionState::kSilent) return false;
  if (exchange == ConnectionState::kInFlight) return true;
  switch (kind) {
    case WorkerKind::kPolling:
      return !registered;
    case WorkerKind::kAsync:
      // What was never waited for was never parked.
      return !registered || exchange == ConnectionState::kUnknown;
    case WorkerKind::kSync:
    case WorkerKind::kUnknown:
      break;
  }
  return exchange == ConnectionState::kUnknown;
}

}  // namespace gunicorn_exporter
