// What the receivers count about themselves: written by the receiving thread,
// read by scrapes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/statsd/lines/line_verdict.h"

namespace gunicorn_exporter {

enum class Transport : std::uint8_t { kUdp, kUnixgram, kTcp };

inline constexpr std::size_t kTransports = 3;

// The `transport` labels.
inline constexpr std::array<std::string_view, kTransports> kTransportNames = {
    "udp", "unixgram", "tcp"};

constexpr std::string_view TransportName(Transport transport) {
  return kTransportNames[static_cast<std::size_t>(transport)];
}

// Counted between two publications, by one thread.
struct ReceiverCounts {
  std::array<std::uint64_t, kTransports> packets{};
  std::array<std::uint64_t, kTransports> lines{};
  std::array<std::uint64_t, kLineVerdicts> verdicts{};
};

// Any thread. Each number is exact; two of them may be of different moments,
// but who sees a packet sees its lines, and who sees a line what became of it.
class ReceiverStats {
 public:
  void Add(const ReceiverCounts& counts) {
    AddAll(verdicts_, counts.verdicts);
    AddAll(lines_, counts.lines);
    AddAll(packets_, counts.packets);
  }
  std::uint64_t packets(Transport transport) const {
    return packets_[static_cast<std::size_t>(transport)];
  }
  std::uint64_t lines(Transport transport) const {
    return lines_[static_cast<std::size_t>(transport)];
  }
  std::uint64_t verdicts(LineVerdict verdict) const {
    return verdicts_[static_cast<std::size_t>(verdict)];
  }

 private:
  template <std::size_t kSize>
  static void AddAll(std::array<std::atomic<std::uint64_t>, kSize>& totals,
                     const std::array<std::uint64_t, kSize>& counts) {
    for (std::size_t i = 0; i < kSize; ++i) {
      if (counts[i] != 0) {
        totals[i].fetch_add(counts[i], std::memory_order_release);
      }
    }
  }

  std::array<std::atomic<std::uint64_t>, kTransports> packets_{};
  std::array<std::atomic<std::uint64_t>, kTransports> lines_{};
  std::array<std::atomic<std::uint64_t>, kLineVerdicts> verdicts_{};
};

}  // namespace gunicorn_exporter
