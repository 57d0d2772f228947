#include "collectors/logs/log_parser.h"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/collectors/logs/log_parser_fixture.h"

namespace gunicorn_exporter {
namespace {

std::vector<std::string> LinesOf(const std::string& file) {
  std::ifstream in(TESTS_DIR "/fixtures/logs/" + file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

const std::string kDefault =
    "127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\" 200 2 "
    "\"-\" \"curl/7.88.1\"";

TEST(LogParser, TakesGunicornsDefaultAccessFormat) {
  EXPECT_EQ(Parse(kDefault), LogLine(AccessLine{200, {}}));
  for (const std::string& line : LinesOf("access.log")) {
    EXPECT_TRUE(std::holds_alternative<AccessLine>(Parse(line))) << line;
  }
}

struct AccessCase {
  std::string line;
  AccessLine expected;
};

TEST(LogParser, TakesTheVariantsOfTheAccessFormat) {
  const std::string request =
      "[22/Nov/2026:05:33:19 -0830] \"POST /a?b=[c] HTTP/1.1\" 503 -";
  const AccessCase table[] = {
      // The common format, without referer and agent.
      {"192.0.2.1 - frank " + request, {503, {}}},
      // X-Forwarded-For for the host, beside it, empty, with a port.
      {"10.0.0.1, 10.0.0.2 - - " + request + " \"-\" \"x\"", {503, {}}},
      {"10.0.0.1 (192.0.2.7,10.0.0.9) - - " + request, {503, {}}},
      {"- - - " + request, {503, {}}},
      {"[2001:db8::1]:99 - - " + request, {503, {}}},
      {kDefault + " \"192.0.2.7\"", {200, {}}},
      // Durations behind it.
      {kDefault + " 1523", {200, 0.001523}},      // %(D)s
      {kDefault + " 0.001523", {200, 0.001523}},  // %(L)s
      {kDefault + " \"0.25\"", {200, 0.25}},      // "%(L)s"
      {kDefault + " 12ms", {200, 0.012}},         // %(M)sms
      {kDefault + " 3s", {200, 3}},               // %(T)ss
      {kDefault + " 350us", {200, 0.00035}},      // %(D)sus
      {kDefault + " 350\xc2\xb5s", {200, 0.00035}},
      {kDefault + " 0", {200, 0}},
      {kDefault + " 0.001523 \"192.0.2.7\"", {200, 0.001523}},
      {"192.0.2.1 - - " + request + " 1523", {503, 0.001523}},
      // Two bare numbers: nobody knows which is what.
      {kDefault + " 0/1523", {200, {}, false, true}},
      {kDefault + " 1 1523", {200, {}, false, true}},
      // Not a duration.
      {kDefault + " -5", {200, {}}},
      {kDefault + " 1e3", {200, {}}},
      {kDefault + " inf", {200, {}}},
      {kDefault + " 9999999999999999999999", {200, {}}},
      {kDefault + " 1.2.3", {200, {}}},
      // A quote in a field is escaped.
      {"h - - [22/Nov/2026:05:33:19 +0000] \"GET /\\\" 500 1 HTTP/1.1\" 404 2 "
       "\"-\" \"a\\\"b 99\"",
       {404, {}}},
      // A forged line in the part before the time.
      {"x [22/Nov/2026:05:33:19 +0000] \\\"GET / HTTP/1.1\\\" 500 1, 1.2.3.4 - "
       "- [22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\" 201 2",
       {201, {}}},
      {"h - - [22/Nov/2026:05:33:19 +0000] \"\" 400 0", {400, {}}},
      {"h - - [22/Nov/2026:05:33:19 +0000] \"\xff\xfe\" 400 0", {400, {}}},
  };
  for (const AccessCase& row : table) {
    const LogLine line = Parse(row.line);
    ASSERT_TRUE(std::holds_alternative<AccessLine>(line)) << row.line;
    const AccessLine& access = std::get<AccessLine>(line);
    EXPECT_EQ(access.status, row.expected.status) << row.line;
    EXPECT_EQ(access.has_unread_duration, row.expected.has_unread_duration)
        << row.line;
    ExpectDuration(access, row.expected, row.line);
  }
}

// gunicorn writes a client's quote as \", and its backslash as it is.
TEST(LogParser, TakesNoNumberOfTheClientForADuration) {
  const std::string head =
      "127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\" 200 2 ";
  const std::pair<std::string, std::optional<double>> table[] = {
      {R"("-" "86400.5")", {}},
      {R"("3600s" "curl" 1500)", 0.0015},
      {R"("-" "7" 1500)", 0.0015},
      {R"("-" "7" 0.25)", 0.25},
      {R"("12ms" "7" "0.25")", 0.25},
      {R"("7" "8")", {}},
      {R"(1500 "7" "86400.5")", 0.0015},
      // One field, as an access format without the agent has.
      {R"("86400.5")", {}},
      {R"("7" 1500)", 0.0015},
      // Quotes in it.
      {R"("-" "a\" 86400.5 \"" 1500)", 0.0015},
      {R"("-" "a\\" 86400.5 \\"" 1500)", 0.0015},
      {R"("\" 86400.5 \"" "-" 1500)", 0.0015},
      // A backslash at its end.
      {R"("-" "a\" 1500)", 0.0015},
      {R"("-" "a\" 1500 "192.0.2.7")", 0.0015},
      {R"("-" "a\" 86400.5 \")", {}},
      {R"("\" "a 86400.5 b" 1500)", 0.0015},
      {R"("\" "7\" 1500)", 0.0015},
      // Either 'a" ' and ' 86400.5 ', or 'a\' and more.
      {R"("a\" " " 86400.5 ")", {}},
  };
  for (const auto& [rest, expected] : table) {
    const LogLine line = Parse(head + rest);
    ASSERT_TRUE(std::holds_alternative<AccessLine>(line)) << rest;
    ExpectDuration(std::get<AccessLine>(line), {200, expected}, rest);
  }
}

TEST(LogParser, TakesABareNumberInTheUnitThatWasTold) {
  const struct {
    std::string line;
    double unit_seconds;
    AccessLine expected;
  } table[] = {
      {kDefault + " 1500", 1e-6, {200, 0.0015}},  // %(D)s
      {kDefault + " 1500", 1e-3, {200, 1.5}},     // %(M)s
      {kDefault + " \"1500\"", 1e-3, {200, 1.5}},
      {kDefault + " 3", 1, {200, 3.0}},         // %(T)s
      {kDefault + " 0.25", 1, {200, 0.25}},     // %(L)s
      {kDefault + " 0.25", 1e-3, {200, 0.25}},  // It says that it is %(L)s.
      {kDefault + " 12ms", 1, {200, 0.012}},
      {kDefault + " 3 1500", 1e-3, {200, {}}},  // Which one?
      {kDefault, 1e-3, {200, {}}},
      {R"({"status": 200, "duration": 12})", 1e-3, {200, 0.012}},
      {R"({"status": 200, "duration": "12.5"})", 1e-3, {200, 0.0125}},
      {R"({"status": 200, "duration": "12us"})", 1, {200, 12e-6}},
      {R"({"status": 200, "duration_s": 12})", 1e-3, {200, 12.0}},
      {R"({"status": 200, "M": 12})", 1, {200, 0.012}},
  };
  for (const auto& row : table) {
    LogSourceConfig source;
    source.duration_unit_seconds = row.unit_seconds;
    const LogLine line = Parse(row.line, source);
    ASSERT_TRUE(std::holds_alternative<AccessLine>(line)) << row.line;
    const AccessLine& access = std::get<AccessLine>(line);
    EXPECT_FALSE(access.is_unit_assumed) << row.line;
    ExpectDuration(access, row.expected, row.line);
  }
}

TEST(LogParser, MarksABareWholeNumberWhoseUnitNobodyTold) {
  const auto is_assumed = [](const std::string& line) {
    return std::get<AccessLine>(Parse(line)).is_unit_assumed;
  };
  EXPECT_TRUE(is_assumed(kDefault + " 1523"));
  EXPECT_FALSE(is_assumed(kDefault));
  EXPECT_FALSE(is_assumed(kDefault + " 0.001523"));
  EXPECT_FALSE(is_assumed(kDefault + " 12ms"));
  EXPECT_FALSE(is_assumed(kDefault + " 1 2"));
}

TEST(LogParser, TakesGunicornsErrorLines) {
  const std::string head = "[2026-11-22 05:33:16 +0000] [8865] ";
  const std::pair<std::string, ErrorLine> table[] = {
      {head + "[INFO] Starting gunicorn 26.1.0", {ErrorLevel::kInfo, {}}},
      {head + "[DEBUG] GET /", {ErrorLevel::kDebug, {}}},
      {head + "[WARNING] x", {ErrorLevel::kWarning, {}}},
      {head + "[ERROR] Error handling request GET /", {ErrorLevel::kError, {}}},
      {head + "[ERROR] Exception in worker process\nTraceback (most recent "
              "call last):\n  File \"a.py\", line 1\nValueError",
       {ErrorLevel::kError, {}}},
      {head + "[INFO] Booting worker with pid: 8865",
       {ErrorLevel::kInfo, WorkerEvent::kBoot}},
      {head + "[INFO] Worker exiting (pid: 8865)",
       {ErrorLevel::kInfo, WorkerEvent::kExit}},
      {head + "[CRITICAL] WORKER TIMEOUT (pid:8865)",
       {ErrorLevel::kCritical, WorkerEvent::kTimeout}},
      {head + "[ERROR] Worker (pid:8865) was sent SIGKILL! Perhaps out of "
              "memory?",
       {ErrorLevel::kError, WorkerEvent::kKilled}},
      {head + "[ERROR] Worker (pid:8865) was sent SIGSEGV!",
       {ErrorLevel::kError, WorkerEvent::kKilled}},
      {head + "[ERROR] Worker (pid:8865) was sent code 40!",
       {ErrorLevel::kError, WorkerEvent::kKilled}},
      // gunicorn 20.1.
      {head + "[WARNING] Worker with pid 8865 was terminated due to signal 9",
       {ErrorLevel::kWarning, WorkerEvent::kKilled}},
      // Said again by the arbiter, after the worker's own line.
      {head + "[ERROR] Worker (pid:8865) exited with code 1",
       {ErrorLevel::kError, {}}},
      // No worker, or only its words.
      {head + "[INFO] Dirty worker 8891 exiting", {ErrorLevel::kInfo, {}}},
      {head + "[INFO] said: WORKER TIMEOUT (pid:1)", {ErrorLevel::kInfo, {}}},
      {head + "[INFO] ", {ErrorLevel::kInfo, {}}},
      {head + "[INFO]", {ErrorLevel::kInfo, {}}},
      // Flask.
      {"[2017-06-22 09:31:11,580] ERROR in app: Exception on /api [POST]",
       {ErrorLevel::kError, {}}},
  };
  for (const auto& [line, expected] : table) {
    EXPECT_EQ(Parse(line), LogLine(expected)) << line;
  }
}

TEST(LogParser, CountsARealErrorLog) {
  int events[4] = {};
  int unmatched = 0;
  for (const std::string& line : LinesOf("error.log")) {
    const LogLine parsed = Parse(line);
    if (const auto* error = std::get_if<ErrorLine>(&parsed)) {
      if (error->event) ++events[static_cast<std::size_t>(*error->event)];
    } else {
      ++unmatched;
    }
  }
  EXPECT_EQ(events[0], 5);  // boot: 3, TTIN, and for the killed one.
  EXPECT_EQ(events[1], 4);  // exit
  EXPECT_EQ(events[2], 0);  // timeout
  EXPECT_EQ(events[3], 1);  // killed
  EXPECT_EQ(unmatched, 2);  // A traceback, without a multi_line rule.
}

TEST(LogParser, SaysWhyALineFitsNothing) {
  using namespace std::string_literals;
  const std::string head = "h - - [22/Nov/2026:05:33:19 +0000] ";
  const std::pair<std::string, Unmatched> table[] = {
      {"", Unmatched::kNoFormat},
      {"Traceback (most recent call last):", Unmatched::kNoFormat},
      {"[22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\" 200 2",
       Unmatched::kNoFormat},
      {head + "\"GET / HTTP/1.1", Unmatched::kNoFormat},
      {head + "\"GET / HTTP/1.1\"", Unmatched::kNoFormat},
      {head + "\"GET / HTTP/1.1\" 200", Unmatched::kNoFormat},
      {head + "\"GET / HTTP/1.1\" abc 2", Unmatched::kNoFormat},
      {head + "\"GET / HTTP/1.1\" 200 x", Unmatched::kNoFormat},
      {head + "\"GET / HTTP/1.1\" 99 2", Unmatched::kBadStatus},
      {head + "\"GET / HTTP/1.1\" 600 2", Unmatched::kBadStatus},
      {"{", Unmatched::kNoFormat},
      {"{}", Unmatched::kNoFormat},
      {"{\"status\": 200", Unmatched::kNoFormat},
      {"{\"status\": \"ok\"}", Unmatched::kBadStatus},
      {"{\"status\": 200.5}", Unmatched::kBadStatus},
      {"{\"status\": 1e300}", Unmatched::kBadStatus},
      {"[2026-11-22 05:33:16 +0000] [8865] [NOTICE] x",
       Unmatched::kUnknownLevel},
      {"[2026-11-22 05:33:16 +0000] [x] [INFO] x", Unmatched::kNoFormat},
      {"[2026-11-22 05:33:16 +0000]", Unmatched::kNoFormat},
      {"[2026-11-22 05:33:16 +0000] text", Unmatched::kNoFormat},
      {"a\0b"s, Unmatched::kBinary},
      {kDefault + "\0"s, Unmatched::kBinary},
  };
  for (const auto& [line, expected] : table) {
    EXPECT_EQ(Parse(line), LogLine(expected)) << line;
  }
}

LogSourceConfig WithPattern(const std::string& pattern) {
  LogSourceConfig source;
  source.pattern = pattern;
  return source;
}

TEST(LogParser, TakesAPatternInsteadOfTheKnownAccessFormats) {
  const LogSourceConfig source =
      WithPattern("^(?P<status>\\w+) (?P<milliseconds>\\S+) ");
  const std::pair<std::string, LogLine> table[] = {
      {"404 250 /a", AccessLine{404, 0.25}},
      {"404 - /a", AccessLine{404, {}}},
      {"404 -1 /a", AccessLine{404, {}}},
      {"404 inf /a", AccessLine{404, {}}},
      {"ok 1 /a", Unmatched::kBadStatus},
      {kDefault, Unmatched::kNoFormat},
      {"{\"status\": 200}", Unmatched::kNoFormat},
      // The message of a JSON record.
      {R"({"level": "info", "message": "404 250 /a"})", AccessLine{404, 0.25}},
      {"[2026-11-22 05:33:16 +0000] [8865] [INFO] x",
       ErrorLine{ErrorLevel::kInfo, {}}},
  };
  for (const auto& [line, expected] : table) {
    EXPECT_EQ(Parse(line, source), expected) << line;
  }
}

TEST(LogParser, TakesThePatternsFinestDuration) {
  EXPECT_EQ(Parse("1 1500000 200",
                  WithPattern("(?P<seconds>\\d+) (?P<microseconds>\\d+) "
                              "(?P<status>\\d+)")),
            LogLine(AccessLine{200, 1.5}));
}

TEST(LogParser, TakesAnErrorPatternInsteadOfTheKnownErrorFormats) {
  LogSourceConfig source;
  source.error_pattern = "^(?P<level>\\S+) (?P<pid>\\d+): (?P<message>.*)$";
  const std::pair<std::string, LogLine> table[] = {
      {"CRITICAL 7: WORKER TIMEOUT (pid:9)",
       ErrorLine{ErrorLevel::kCritical, WorkerEvent::kTimeout}},
      {"warn 7: x\nTraceback", ErrorLine{ErrorLevel::kWarning, {}}},
      {"W 7: x", ErrorLine{ErrorLevel::kWarning, {}}},
      {"30 7: x", ErrorLine{ErrorLevel::kWarning, {}}},
      {"NOTICE 7: x", Unmatched::kUnknownLevel},
      {"[2026-11-22 05:33:16 +0000] [8865] [INFO] x", Unmatched::kNoFormat},
      {kDefault, AccessLine{200, {}}},
  };
  for (const auto& [line, expected] : table) {
    EXPECT_EQ(Parse(line, source), expected) << line;
  }
}

TEST(LogParser, TakesUvicornsAccessLines) {
  const std::pair<std::string, LogLine> table[] = {
      {"127.0.0.1:42514 - \"GET / HTTP/1.1\" 200", AccessLine{200, {}}},
      {"::1:42514 - \"GET /a?b=c HTTP/2\" 503", AccessLine{503, {}}},
      {" - \"GET / HTTP/1.1\" 200", AccessLine{200, {}}},  // A unix socket.
      {"INFO:     127.0.0.1:42514 - \"GET / HTTP/1.1\" 404 Not Found",
       AccessLine{404, {}}},
      {"127.0.0.1:42514 - \"GET / HTTP/1.1\" 999", Unmatched::kBadStatus},
      {"127.0.0.1:42514 - \"GET / HTTP/1.1\" 200 2", Unmatched::kNoFormat},
      {"127.0.0.1:42514 - \"GET / HTTP/1.1\" ok", Unmatched::kNoFormat},
      {"127.0.0.1:42514 - \"GET / HTTP/1.1\"", Unmatched::kNoFormat},
      {"127.0.0.1:42514 - \"WebSocket /ws\" 403", Unmatched::kNoFormat},
      {"somebody said - \"GET / HTTP/1.1\" 200", Unmatched::kNoFormat},
  };
  for (const auto& [line, expected] : table) {
    EXPECT_EQ(Parse(line), expected) << line;
  }
}

// There is no level in `gunicorn --log-syslog`'s lines.
TEST(LogParser, TakesWhatGunicornSaysOfWorkersToSyslog) {
  EXPECT_EQ(Parse("[8865] WORKER TIMEOUT (pid:9)"),
            LogLine(ErrorLine{ErrorLevel::kCritical, WorkerEvent::kTimeout}));
  EXPECT_EQ(Parse("[8865] Listening at: http://127.0.0.1:8000 (8865)"),
            LogLine(Unmatched::kNoFormat));
  EXPECT_EQ(Parse("[8865] " + kDefault), LogLine(AccessLine{200, {}}));
}

}  // namespace
}  // namespace gunicorn_exporter
