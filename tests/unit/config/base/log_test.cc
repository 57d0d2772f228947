#include "config/base/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

namespace gunicorn_exporter {
namespace {

// What one event looks like on stderr.
std::string LogOf(LogLevel level, LogFormat format) {
  testing::internal::CaptureStderr();
  StartLog(level, format);
  LogEvent(LogLevel::kDebug, "left_out_at_info");
  LogEvent(LogLevel::kInfo, "receiver_started",
           {{"transport", "udp"},
            {"address", "127.0.0.1:8125"},
            {"error", "open \"x\"\n{}: denied"}});
  ReleaseLog();
  EXPECT_TRUE(StopLog());
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesLogfmt) {
  const std::string line = LogOf(LogLevel::kInfo, LogFormat::kLogfmt);
  EXPECT_TRUE(std::regex_match(
      line,
      std::regex(R"(ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info )"
                 R"(event=receiver_started transport=udp )"
                 R"(address=127\.0\.0\.1:8125 )"
                 R"(error="open \\"x\\"\\n\{\}: denied")"
                 "\n")))
      << line;
}

TEST(Log, WritesJson) {
  const std::string line = LogOf(LogLevel::kInfo, LogFormat::kJson);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["level"], "info");
  EXPECT_EQ(json["event"], "receiver_started");
  EXPECT_EQ(json["error"], "open \"x\"\n{}: denied");
  EXPECT_TRUE(json.contains("ts"));
}

TEST(Log, SaysNothingOfAStartThatFails) {
  testing::internal::CaptureStderr();
  StartLog(LogLevel::kInfo, LogFormat::kLogfmt);
  LogEvent(LogLevel::kInfo, "receiver_started");
  EXPECT_TRUE(StopLog());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  EXPECT_EQ(LogOf(LogLevel::kWarn, LogFormat::kLogfmt), "");
}

}  // namespace
}  // namespace gunicorn_exporter
