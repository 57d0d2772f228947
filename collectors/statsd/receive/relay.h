// Forwards every received line, unchanged, by UDP to another StatsD server:
//
//     --statsd.relay-address=host:port      (see RelayTarget)
//
// Lines are put together up to 1432 bytes a packet, which fits into one
// Ethernet frame. Sending never waits: what the kernel does not take at once,
// or what has no target yet, is dropped and counted.
//
// Used by the receiving thread alone, but for Start and target().
#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/statsd/receive/relay_target.h"
#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {

class Relay {
 public:
  // Counts in `registry`, which outlives this.
  explicit Relay(prometheus::Registry& registry);

  // Once, before the first line; the parameters are RelayTarget's.
  void Start(
      const std::string& address, std::vector<std::string> own,
      RelayTarget::Connect connect = [](const std::string& text) {
        return ConnectUdp(text, "statsd.relay_address");
      });
  RelayTarget& target() { return *target_; }

  // Without its "\n". A line longer than a packet goes alone.
  void Add(std::string_view line);
  // Sends what has been put together.
  void Flush();
  // A line that cannot be forwarded because it was not kept.
  void CountDropped() { dropped_lines_.Increment(); }

 private:
  static constexpr std::size_t kPacketBytes = 1432;

  std::optional<RelayTarget> target_;
  std::string packet_;
  std::uint64_t lines_in_packet_ = 0;
  prometheus::Counter& packets_;
  prometheus::Counter& lines_;
  prometheus::Counter& dropped_lines_;
};

}  // namespace gunicorn_exporter
