// Forwards every received line, unchanged, by UDP to another StatsD server:
//
//     --statsd.relay-address=host:port
//
// Lines are put together up to 1432 bytes a packet, which fits into one
// Ethernet frame. Sending never waits: what the kernel does not take at once is
// dropped and counted.
//
// Used by the receiving thread alone.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {

class Relay {
 public:
  // Counts in `registry`, which outlives this. Throws ConfigError
  // ("statsd.relay_address: ...") where the address cannot be used.
  Relay(const std::string& address, prometheus::Registry& registry);

  // Without its "\n". A line longer than a packet goes alone.
  void Add(std::string_view line);
  // Sends what has been put together.
  void Flush();
  // A line that cannot be forwarded because it was not kept.
  void CountDropped() { dropped_lines_.Increment(); }

  const FileDescriptor& socket() const { return socket_; }

 private:
  static constexpr std::size_t kPacketBytes = 1432;

  FileDescriptor socket_;
  std::string packet_;
  std::uint64_t lines_in_packet_ = 0;
  prometheus::Counter& packets_;
  prometheus::Counter& lines_;
  prometheus::Counter& dropped_lines_;
};

}  // namespace gunicorn_exporter
