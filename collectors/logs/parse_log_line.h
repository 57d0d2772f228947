// Tells what one line or message of a gunicorn log says. Pure functions: no
// I/O, no clock, safe from any thread; any bytes are taken.
//
// Access lines, by the status and, where it stands, the duration:
//
//     127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] "GET / HTTP/1.1" 200 2 "-" "-"
//     10.0.0.1, 10.0.0.2 - - [...] "GET / HTTP/1.1" 200 2 "-" "curl/7" 1523
//     {"status": 200, "duration_ms": 12}
//
// Behind the size a number with a point is seconds (%(L)s), one with a unit is
// what the unit says (12ms). A lone whole number has the unit that the
// configuration tells. Where it tells none it is taken for microseconds,
// gunicorn's %(D)s, and marked, since %(M)s and %(T)s look the same. Numbers in
// quotes count, too, but not in the first two such fields: these are the
// client's (referer, agent).
//
// Error lines, as gunicorn and Flask write them:
//
//     [2026-11-22 05:33:16 +0000] [8865] [INFO] Booting worker with pid: 8865
//     [2026-11-22 05:33:16,580] ERROR in app: Exception on / [GET]
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gunicorn_exporter {

struct AccessLine {
  std::uint16_t status = 0;                // 100 to 599.
  std::optional<double> duration_seconds;  // Finite, not negative.
  bool is_unit_assumed = false;            // It may be of another unit.

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
};

constexpr std::string_view kErrorLevelNames[] = {"debug", "info", "warning",
                                                 "error", "critical"};
constexpr std::string_view kWorkerEventNames[] = {"boot", "exit", "timeout",
                                                  "killed"};
constexpr std::string_view kUnmatchedNames[] = {"no_format", "bad_status",
                                                "unknown_level", "binary"};

using LogLine = std::variant<AccessLine, ErrorLine, Unmatched>;

// An access line's format as the configuration gives it.
class AccessPattern {
 public:
  // `pattern` compiles and has the group `status`, as the configuration checks.
  explicit AccessPattern(const std::string& pattern);

  // Empty where the line does not match.
  std::optional<LogLine> Match(std::string_view line) const;

 private:
  re2::RE2 pattern_;
  int status_group_ = 0;
  int duration_group_ = 0;  // 0: none.
  double unit_seconds_ = 0;
};

// `message` is a line without its line end, or several joined by '\n', of which
// the first decides. With a pattern an access line is what matches it, and the
// known access formats are not tried. `pattern` may be null. `unit_seconds` is
// that of a duration without a unit; 0: not told.
LogLine ParseLogLine(std::string_view message, const AccessPattern* pattern,
                     double unit_seconds = 0);

}  // namespace gunicorn_exporter
