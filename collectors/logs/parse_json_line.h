// A message as a JSON object, whose keys the user's logger chose. Pure.
//
//     {"status": 200, "duration_ms": 12.5, "path": "/"}
//     {"s": "200", "D": "1523"}
//     {"http": {"status_code": 200}, "latency": "12ms"}
//     {"levelname": "CRITICAL", "message": "WORKER TIMEOUT (pid:9)"}
//     {"status": "info", "http": {"status_code": 404}}              (Datadog)
//     {"severity": "INFO", "httpRequest": {"status": 200}}     (Google Cloud)
//
// A key may be written in any case, with `_`, `-` or none between its words,
// and stand in one of the objects that the common loggers make (http, request,
// response, extra, record, ...), written as an object or as "http.status_code".
// Of two the one of the outer object counts; of statuses one that is a code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gunicorn_exporter {

// The fields as texts; empty where there are none, or are no texts or numbers.
struct JsonRecord {
  // `status`, `status_code`, `response_code`, ..., or gunicorn's `s`. Of
  // "200 OK" the code alone.
  std::string status;
  // `level`, `levelname`, `severity`, ..., or a `status` that is one.
  std::string level;
  std::string message;  // `message`, `msg`, ...
  // gunicorn's D, L, M or T, or a key such as `duration`, `request_time` or
  // `latency` with its unit behind it (_s, _ms, _in_ms, _seconds, ...), or with
  // the unit in its text ("12ms"). Without any unit it counts in
  // `unit_seconds`; where that is 0, since nobody told, only with a point, as
  // seconds.
  std::optional<double> duration_seconds;
  bool has_unread_duration = false;  // As AccessLine's.
};

// Empty where the text is no JSON object.
std::optional<JsonRecord> ParseJsonRecord(std::string_view text,
                                          double unit_seconds);

}  // namespace gunicorn_exporter
