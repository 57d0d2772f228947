// Access lines as text. Pure functions: no I/O, no clock, safe from any thread;
// any bytes are taken.
//
//     127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] "GET / HTTP/1.1" 200 2 "-" "-"
//     10.0.0.1, 10.0.0.2 - - [...] "GET / HTTP/1.1" 200 2 "-" "curl/7" 1523
//     127.0.0.1:42514 - "GET / HTTP/1.1" 200            (uvicorn's worker)
//
// Behind the size a number with a point is seconds (%(L)s), one with a unit is
// what the unit says (12ms). A lone whole number has the unit that the
// configuration tells. Where it tells none it is taken for microseconds,
// gunicorn's %(D)s, and marked, since %(M)s and %(T)s look the same. Numbers in
// quotes count, too, but not in the first two such fields: these are the
// client's (referer, agent).
#pragma once

#include <optional>
#include <string_view>

#include "collectors/logs/log_line.h"

namespace gunicorn_exporter {

// kNoFormat where the line is none. `unit_seconds` is that of a duration
// without a unit; 0: not told.
LogLine ParseAccessLine(std::string_view line, double unit_seconds);

// kBadStatus where the text is no number of 100 to 599.
LogLine MakeAccessLine(std::string_view status, std::optional<double> seconds);

// "1523", "0.0015": digits with at most one point. Else empty.
std::optional<double> ParseLogDecimal(std::string_view text);

// Seconds, where the text says that they are: "0.0015", "12ms", "350us", "0s".
// A whole number without a unit does not.
std::optional<double> ParseLogSeconds(std::string_view text);

}  // namespace gunicorn_exporter
