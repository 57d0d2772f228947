// JSON records.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "collectors/logs/log_parser.h"
#include "tests/unit/collectors/logs/log_parser_fixture.h"

namespace gunicorn_exporter {
namespace {

TEST(LogParser, TakesJsonAccessLines) {
  const std::pair<std::string, AccessLine> table[] = {
      {R"({"status": 200})", {200, {}}},
      {R"({"remote": "h", "s": "404", "D": "1500"})", {404, 0.0015}},
      {R"({"status_code": 500, "duration_ms": 12.5})", {500, 0.0125}},
      {R"({"response_status": 201, "request_time_us": 1500})", {201, 0.0015}},
      {R"({"status": 200, "response_time": "0.25"})", {200, 0.25}},
      {R"({"status": 200, "elapsed": "12ms"})", {200, 0.012}},
      {R"({"status": 200, "request_time": 0.25})", {200, 0.25}},
      // Of what?
      {R"({"status": 200, "request_time": 12})", {200, {}, false, true}},
      {R"({"status": 200, "L": 0.5, "T": 0})", {200, 0.5}},
      {R"({"status": 200, "M": -1})", {200, {}}},
      {R"({"status": 200, "M": null, "x": {"status": 500}})", {200, {}}},
      {"{\n  \"status\": 200\n}", {200, {}}},
  };
  for (const auto& [line, expected] : table) {
    EXPECT_EQ(Parse(line), LogLine(expected)) << line;
  }
}

// The keys of the common loggers; -1: no duration, -2: one without a unit.
TEST(LogParser, TakesJsonRecordsOfAccess) {
  const struct {
    std::string line;
    std::uint16_t status;
    double seconds;
  } table[] = {
      {R"({"response_code": "200", "duration_ms": "12"})", 200, 0.012},
      {R"({"statusCode": 200, "durationMs": 12})", 200, 0.012},
      {R"({"http.status_code": 404, "duration_in_ms": 12})", 404, 0.012},
      {R"({"http": {"status_code": 404, "latency_ms": 12}})", 404, 0.012},
      {R"({"http": {"response": {"status_code": 500}}})", 500, -1},
      {R"({"http.response.status_code": 500})", 500, -1},
      {R"({"response": {"status": 201}, "latency": "350us"})", 201, 350e-6},
      {R"({"res": {"statusCode": 204}, "responseTime": 12})", 204, -2},
      {R"({"status": 200, "response_time": "0.25s"})", 200, 0.25},
      {R"({"status": 200, "response_time_ms": 250.5})", 200, 0.2505},
      {R"({"status": 200, "request_time": "0.250"})", 200, 0.25},
      {R"({"status": 200, "request_time_seconds": 2})", 200, 2},
      {R"({"status": 200, "duration_ns": 2000000})", 200, 0.002},
      {R"({"status": 200, "event": {"duration": 2000000}})", 200, 0.002},
      {R"({"status": 200, "duration": 12, "latency_ms": 12})", 200, 0.012},
      {R"({"status": 200, "duration": "0:00:01.5"})", 200, -2},
      {R"({"status": 200, "duration": "-"})", 200, -1},
      {R"({"status": 200, "duration": null})", 200, -1},
      {R"({"status": 200, "latency": 1523})", 200, -2},
      {R"({"level": "info", "message": "done", "status": 200})", 200, -1},
      {R"({"level": "error", "msg": "x", "status": 500, "elapsed_s": 1})", 500,
       1},
      // The outer one, and none of an object that is not a logger's.
      {R"({"status": 200, "http": {"status_code": 500}})", 200, -1},
      // A status that is no code hides none: Datadog's is the level.
      {R"({"status": "info", "http": {"status_code": 404}, "duration": 12000})",
       404, -2},
      {R"({"status": "error", "http": {"status_code": 500}, "duration": "2ms"})",
       500, 0.002},
      {R"({"status": "ok", "level": "info", "http": {"status_code": 404}})",
       404, -1},
      {R"({"status": 1, "response": {"status": 2048, "status_code": 200}})",
       200, -1},
      {R"({"status": "ok", "s": "404"})", 404, -1},
      {R"({"status": "200 OK"})", 200, -1},
      {R"({"s": "404 Not Found"})", 404, -1},
      // Google Cloud's.
      {R"({"severity": "INFO", "httpRequest": {"status": 200, )"
       R"("latency": "0.066s"}})",
       200, 0.066},
      // The message is gunicorn's own line.
      {R"({"levelname": "INFO", "message": "h - - [22/Nov/2026:05:33:19 )"
       R"(+0000] \"GET / HTTP/1.1\" 404 2 \"-\" \"x\" 0.5"})",
       404, 0.5},
  };
  for (const auto& row : table) {
    const std::string& line = row.line;
    AccessLine expected{row.status, {}};
    if (row.seconds >= 0) expected.duration_seconds = row.seconds;
    expected.has_unread_duration = row.seconds == -2;
    const LogLine parsed = Parse(line);
    ASSERT_TRUE(std::holds_alternative<AccessLine>(parsed)) << line;
    const auto& access = std::get<AccessLine>(parsed);
    EXPECT_EQ(access.status, expected.status) << line;
    EXPECT_EQ(access.has_unread_duration, expected.has_unread_duration) << line;
    ExpectDuration(access, expected, line);
  }
}

TEST(LogParser, TakesJsonRecordsOfErrors) {
  const std::pair<std::string, LogLine> table[] = {
      {R"x({"level": "CRITICAL", "message": "WORKER TIMEOUT (pid:9)"})x",
       ErrorLine{ErrorLevel::kCritical, WorkerEvent::kTimeout}},
      {R"({"levelname": "INFO", "msg": "Booting worker with pid: 9"})",
       ErrorLine{ErrorLevel::kInfo, WorkerEvent::kBoot}},
      {R"({"event": "x", "level": "warn"})",
       ErrorLine{ErrorLevel::kWarning, {}}},
      {R"({"severity": "ERROR", "message": "x"})",
       ErrorLine{ErrorLevel::kError, {}}},
      {R"x({"log.level": "info", "message": "Worker exiting (pid: 9)"})x",
       ErrorLine{ErrorLevel::kInfo, WorkerEvent::kExit}},
      {R"({"log": {"level": "debug"}, "message": "x"})",
       ErrorLine{ErrorLevel::kDebug, {}}},
      {R"({"record": {"level": {"name": "ERROR", "no": 40}, "message": "x"}})",
       ErrorLine{ErrorLevel::kError, {}}},
      {R"({"level": 40, "message": "x"})", ErrorLine{ErrorLevel::kError, {}}},
      // What it complains of has a status; it is no request's line.
      {R"({"level": "ERROR", "message": "x", "status_code": 502})",
       ErrorLine{ErrorLevel::kError, {}}},
      {R"({"level": "INFO", "message": "x", "status": "ok"})",
       ErrorLine{ErrorLevel::kInfo, {}}},
      // Datadog's level, where no other is told.
      {R"({"status": "error", "message": "boom"})",
       ErrorLine{ErrorLevel::kError, {}}},
      {R"x({"status": "critical", "message": "WORKER TIMEOUT (pid:9)"})x",
       ErrorLine{ErrorLevel::kCritical, WorkerEvent::kTimeout}},
      {R"({"status": "warn", "message": "x", "http": {"status_code": 404}})",
       ErrorLine{ErrorLevel::kWarning, {}}},
      {R"({"status": "error", "level": "info", "message": "x"})",
       ErrorLine{ErrorLevel::kInfo, {}}},
      {R"({"status": "error", "level": "NOTICE", "message": "x"})",
       Unmatched::kUnknownLevel},
      {R"({"status": "30", "message": "x"})", Unmatched::kBadStatus},
      {R"({"status": 30, "message": "x"})", Unmatched::kBadStatus},
      {R"({"status": "2000 OK"})", Unmatched::kBadStatus},
      {R"({"status": "done", "message": "x"})", Unmatched::kBadStatus},
      {R"({"response": {"status": "error"}, "message": "x"})",
       Unmatched::kBadStatus},
      {R"({"level": "NOTICE", "message": "x"})", Unmatched::kUnknownLevel},
      {R"({"message": "x"})", Unmatched::kNoFormat},
      {R"({"upstream": {"status": 500}})", Unmatched::kNoFormat},
  };
  for (const auto& [line, expected] : table) {
    EXPECT_EQ(Parse(line), expected) << line;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
