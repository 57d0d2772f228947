// Forwards every received line, unchanged, by UDP to another StatsD server:
//
//     --statsd.relay-address=host:port
//
// Lines are put together up to 1432 bytes a packet, which fits into one
// Ethernet frame. Sending never waits: what the kernel does not take at once is
// dropped and counted.
//
// Used by the receiving thread alone, but for the counts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {

class Relay {
 public:
  // Throws ConfigError ("statsd.relay_address: ...") where the address cannot
  // be used.
  explicit Relay(const std::string& address);

  // Without its "\n". A line longer than a packet goes alone.
  void Add(std::string_view line);
  // Sends what has been put together.
  void Flush();
  // A line that cannot be forwarded because it was not kept.
  void CountDropped() { ++dropped_lines_; }

  const FileDescriptor& socket() const { return socket_; }
  // Any thread.
  std::uint64_t packets() const { return packets_; }
  std::uint64_t lines() const { return lines_; }
  std::uint64_t dropped_lines() const { return dropped_lines_; }

 private:
  static constexpr std::size_t kPacketBytes = 1432;

  FileDescriptor socket_;
  std::string packet_;
  std::uint64_t lines_in_packet_ = 0;
  std::atomic<std::uint64_t> packets_{0};
  std::atomic<std::uint64_t> lines_{0};  // Sent.
  std::atomic<std::uint64_t> dropped_lines_{0};
};

}  // namespace gunicorn_exporter
