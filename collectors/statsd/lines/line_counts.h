// How lines come, what becomes of them, and how many there were. The names are
// labels' values: add to them, never rename one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gunicorn_exporter {

enum class Transport : std::uint8_t { kUdp, kUnixgram, kTcp };

inline constexpr std::size_t kTransports = 3;

constexpr std::string_view TransportName(Transport transport) {
  constexpr std::string_view kNames[kTransports] = {"udp", "unixgram", "tcp"};
  return kNames[static_cast<std::size_t>(transport)];
}

enum class LineVerdict : std::uint8_t {
  kAccepted,
  // Refused: `reason` of gunicorn_exporter_statsd_line_errors_total.
  kMalformed,
  kMissingName,
  kBadType,
  kBadValue,
  kBadSampleRate,
  kBadEncoding,
  kTooLong,
  // Ignored: `reason` of gunicorn_exporter_statsd_ignored_lines_total.
  kSet,
  kEvent,
  kServiceCheck,
  kUnmatched,
};

inline constexpr std::size_t kLineVerdicts = 12;

constexpr std::string_view VerdictName(LineVerdict verdict) {
  constexpr std::string_view kNames[kLineVerdicts] = {
      "accepted",  "malformed",       "missing_name",  "bad_type",
      "bad_value", "bad_sample_rate", "bad_encoding",  "too_long",
      "set",       "event",           "service_check", "unmatched"};
  return kNames[static_cast<std::size_t>(verdict)];
}

constexpr bool IsRefused(LineVerdict verdict) {
  return verdict >= LineVerdict::kMalformed && verdict <= LineVerdict::kTooLong;
}

// Counted by one thread, between two publications (ReceiverMetrics).
struct LineCounts {
  std::array<std::uint64_t, kTransports> packets{};
  std::array<std::uint64_t, kTransports> lines{};
  std::array<std::uint64_t, kLineVerdicts> verdicts{};
};

}  // namespace gunicorn_exporter
