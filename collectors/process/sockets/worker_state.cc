#include "collectors/process/sockets/worker_state.h"

#include <string_view>

#include "collectors/process/find/heartbeat.h"

namespace gunicorn_exporter {
namespace {

// In so short a time one tick is a good part of it; in a longer one it may be
// what a minute of heartbeats came to.
constexpr double kShortSeconds = 0.05;

// No answer is as short. gunicorn and uvicorn both write it so, once the client
// has asked for it, and wait for the request's body (RFC 9110, 10.1.1).
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Of HTTP/2 that need no answer: an acknowledgement of settings and two window
// updates, each in a TLS record of its own, have 101 bytes.
constexpr std::uint64_t kMostFrames = 128;

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

bool IsInHand(const TcpSocket& connection, const CarriedBytes* before,
              const CarriedBytes& at_rest, bool is_sync, Attention attention) {
  const CarriedBytes now{connection.received, connection.sent};
  switch (connection.exchange) {
    case ConnectionState::kSilent:
      return false;
    case ConnectionState::kUnknown:
      return attention != Attention::kAwaited;
    case ConnectionState::kInFlight:
    case ConnectionState::kParked:
    case ConnectionState::kTie:
      break;
  }
  if (is_sync || connection.has_unsent) return true;
  if (now == at_rest) return false;
  if (attention == Attention::kServed) return true;
  const bool awaits_body = now.received > at_rest.received &&
                           now.sent == at_rest.sent + kContinue.size();
  if (awaits_body) return true;
  if (attention == Attention::kRead && before != nullptr && now == *before &&
      now.sent > 0 &&
      (now.sent != at_rest.sent ||
       now.received - at_rest.received <= kMostFrames)) {
    return false;
  }
  return connection.exchange == ConnectionState::kInFlight ||
         (before != nullptr && now.sent > before->sent &&
          now.received == before->received);
}

}  // namespace gunicorn_exporter
