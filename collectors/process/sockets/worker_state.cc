#include "collectors/process/sockets/worker_state.h"

namespace gunicorn_exporter {
namespace {

// In so short a time one tick is a good part of it; in a longer one it may be
// what a minute of heartbeats came to.
constexpr double kShortSeconds = 0.05;

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
    if (link.target == "anon_inode:[eventpoll]") held.is_sync = false;
    if (const auto inode = ParseSocketLink(link.target)) {
      held.inodes.insert(*inode);
    }
  }
  return held;
}

bool IsInHand(const TcpSocket& connection, const CarriedBytes* before,
              bool is_sync) {
  switch (connection.exchange) {
    case ConnectionState::kSilent:
      return false;
    case ConnectionState::kInFlight:
    case ConnectionState::kUnknown:
      return true;
    case ConnectionState::kParked:
    case ConnectionState::kTie:
      break;
  }
  return is_sync || connection.has_unsent ||
         (before != nullptr && connection.sent > before->sent &&
          connection.received == before->received);
}

}  // namespace gunicorn_exporter
