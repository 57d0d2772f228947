// Error lines as text, as gunicorn and Flask write them. Pure functions: no
// I/O, no clock, safe from any thread; any bytes are taken.
//
//     [2026-11-22 05:33:16 +0000] [8865] [INFO] Booting worker with pid: 8865
//     [2026-11-22 05:33:16,580] ERROR in app: Exception on / [GET]
//     [8865] Booting worker with pid: 8865           (gunicorn --log-syslog)
#pragma once

#include <optional>
#include <string_view>

#include "collectors/logs/log_line.h"

namespace gunicorn_exporter {

// kNoFormat where the line is none. To syslog gunicorn tells no level: there
// only what it says of workers is known, whose levels are always the same.
LogLine ParseErrorLine(std::string_view line);

// kUnknownLevel where there is no such level.
LogLine MakeErrorLine(std::string_view level, std::string_view message);

// "WARNING", "warn", also cut ("W") or as Python's number ("30").
std::optional<ErrorLevel> FindLevel(std::string_view name);

}  // namespace gunicorn_exporter
