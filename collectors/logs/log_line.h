// What one message of a gunicorn log says.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace gunicorn_exporter {

struct AccessLine {
  std::uint16_t status = 0;                // 100 to 599.
  std::optional<double> duration_seconds;  // Finite, not negative.
  bool is_unit_assumed = false;            // It may be of another unit.
  // There is a duration, and nothing tells its unit, or which number it is.
  bool has_unread_duration = false;

  bool operator==(const AccessLine&) const = default;
};

// The `level` label of gunicorn_log_lines_total.
enum class ErrorLevel : std::uint8_t {
  kDebug,
  kInfo,
  kWarning,
  kError,
  kCritical
};

// The `event` label of gunicorn_worker_events_total.
enum class WorkerEvent : std::uint8_t { kBoot, kExit, kTimeout, kKilled };

struct ErrorLine {
  ErrorLevel level = ErrorLevel::kInfo;
  std::optional<WorkerEvent> event;

  bool operator==(const ErrorLine&) const = default;
};

// The `reason` label of gunicorn_exporter_logs_unmatched_lines_total.
enum class Unmatched : std::uint8_t {
  kNoFormat,      // No format that is known, or not the log's pattern.
  kBadStatus,     // An access line whose status is not 100 to 599.
  kUnknownLevel,  // An error line of a level that gunicorn does not have.
  kBinary,        // A NUL byte in it.
  kDuration,      // AccessLine::has_unread_duration; the request counts.
};

constexpr std::string_view kErrorLevelNames[] = {"debug", "info", "warning",
                                                 "error", "critical"};
constexpr std::string_view kWorkerEventNames[] = {"boot", "exit", "timeout",
                                                  "killed"};
constexpr std::string_view kUnmatchedNames[] = {
    "no_format", "bad_status", "unknown_level", "binary", "duration"};

// Unmatched::kDuration is no line's own.
using LogLine = std::variant<AccessLine, ErrorLine, Unmatched>;

}  // namespace gunicorn_exporter
