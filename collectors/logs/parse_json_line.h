// An access line as a JSON object, whose keys the user chose. Pure.
//
//     {"status": 200, "duration_ms": 12.5, "path": "/"}
//     {"s": "200", "D": "1523"}
#pragma once

#include <string_view>

#include "collectors/logs/parse_log_line.h"

namespace gunicorn_exporter {

// The status is `status`, `status_code`, `response_status` or gunicorn's `s`, a
// number or its text. The duration is gunicorn's D, L, M or T, or a key such as
// `duration`, `request_time`, `response_time` with its unit behind it (_s,
// _seconds, _ms, _us, ...). Without one it counts where its text has a unit
// ("12ms"), else in `unit_seconds`; where that is 0, since nobody told, only
// with a point, as seconds.
LogLine ParseJsonLine(std::string_view text, double unit_seconds);

}  // namespace gunicorn_exporter
