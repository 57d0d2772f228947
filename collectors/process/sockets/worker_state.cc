#include "collectors/process/sockets/worker_state.h"

#include <algorithm>
#include <optional>

#include "collectors/process/find/heartbeat.h"
#include "collectors/process/read/text_fields.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

// In so short a time one tick is a good part of it; in a longer one it may be
// what a minute of heartbeats came to.
constexpr double kShortSeconds = 0.05;

// No answer is as short. gunicorn and uvicorn both write it so, once the client
// has asked for it, and wait for the request's body (RFC 9110, 10.1.1).
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

bool IsBurningCpu(std::uint64_t ticks, double seconds, double ticks_per_second,
                  double share) {
  if (seconds <= 0 || ticks == 0) return false;
  if (ticks == 1 && seconds >= kShortSeconds) return false;
  return static_cast<double>(ticks) >= share * seconds * ticks_per_second;
}

HeldSockets ToHeldSockets(const std::vector<FdLink>& links) {
  HeldSockets held;
  for (const FdLink& link : links) {
    if (link.target == "anon_inode:[eventpoll]") {
      held.epoll_sets.push_back(link.fd);
    }
    held.has_heartbeat = held.has_heartbeat || IsHeartbeatFile(link.target);
    if (const auto inode = ParseSocketLink(link.target)) {
      held.inodes.insert(*inode);
    }
  }
  return held;
}

std::set<std::uint64_t> WaitedFor(const std::vector<FdLink>& links,
                                  const std::vector<std::set<int>>& epoll_sets,
                                  const std::set<std::uint64_t>& clients) {
  std::set<std::uint64_t> waited_for;
  for (const FdLink& link : links) {
    const bool in_a_set = std::any_of(
        epoll_sets.begin(), epoll_sets.end(),
        [&](const std::set<int>& set) { return set.contains(link.fd); });
    if (!in_a_set) continue;
    if (link.target == "anon_inode:[eventfd]") return {};
    const auto inode = ParseSocketLink(link.target);
    if (!inode) continue;
    if (!clients.contains(*inode)) return {};
    waited_for.insert(*inode);
  }
  return waited_for;
}

std::set<int> ParseEpollSet(std::string_view fdinfo) {
  std::set<int> descriptors;
  while (!fdinfo.empty()) {
    std::string_view line = NextLine(fdinfo);
    if (NextField(line) != "tfd:") continue;
    if (const auto number = ParseNumber<int>(NextField(line))) {
      descriptors.insert(*number);
    }
  }
  return descriptors;
}

bool IsInHand(const TcpSocket& connection, const CarriedBytes* before,
              const CarriedBytes& at_rest, bool is_sync, bool is_waited_for) {
  switch (connection.exchange) {
    case ConnectionState::kSilent:
      return false;
    case ConnectionState::kInFlight:
      return true;
    case ConnectionState::kUnknown:
      return !is_waited_for;
    case ConnectionState::kParked:
    case ConnectionState::kTie:
      break;
  }
  return is_sync || connection.has_unsent ||
         (connection.received > at_rest.received &&
          connection.sent == at_rest.sent + kContinue.size()) ||
         (before != nullptr && connection.sent > before->sent &&
          connection.received == before->received);
}

}  // namespace gunicorn_exporter
