// What became of a line: accepted, refused or ignored. The names of the last
// two are the `reason` labels of gunicorn_exporter_statsd_line_errors_total and
// gunicorn_exporter_statsd_ignored_lines_total.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gunicorn_exporter {

enum class LineVerdict : std::uint8_t {
  kAccepted,
  // Refused. Public names: add to them, never rename one.
  kMalformed,
  kMissingName,
  kBadType,
  kBadValue,
  kBadSampleRate,
  kBadEncoding,
  kTooLong,
  // Ignored.
  kSet,
  kEvent,
  kServiceCheck,
  kUnmatched,
};

inline constexpr std::size_t kLineVerdicts = 12;

inline constexpr std::array<std::string_view, kLineVerdicts> kVerdictNames = {
    "accepted",  "malformed",       "missing_name",  "bad_type",
    "bad_value", "bad_sample_rate", "bad_encoding",  "too_long",
    "set",       "event",           "service_check", "unmatched"};

constexpr std::string_view VerdictName(LineVerdict verdict) {
  return kVerdictNames[static_cast<std::size_t>(verdict)];
}

constexpr bool IsRefused(LineVerdict verdict) {
  return verdict >= LineVerdict::kMalformed && verdict <= LineVerdict::kTooLong;
}

constexpr bool IsIgnored(LineVerdict verdict) {
  return verdict >= LineVerdict::kSet;
}

}  // namespace gunicorn_exporter
