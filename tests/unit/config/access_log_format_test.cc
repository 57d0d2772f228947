#include "config/access_log_format.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <string>

#include "config/base/config_error.h"
#include "config/load_config.h"

namespace gunicorn_exporter {
namespace {

// What the group of the format's expression holds in the line.
std::string Group(const std::string& format, const std::string& line,
                  const std::string& name) {
  const re2::RE2 pattern(AccessLogFormatToPattern(format), re2::RE2::Quiet);
  if (!pattern.ok()) return "does not compile: " + pattern.error();
  const auto group = pattern.NamedCapturingGroups().find(name);
  if (group == pattern.NamedCapturingGroups().end()) return "no such group";
  std::string values[2];
  const re2::RE2::Arg args[2] = {&values[0], &values[1]};
  const re2::RE2::Arg* const pointers[2] = {&args[0], &args[1]};
  if (!re2::RE2::FullMatchN(line, pattern, pointers,
                            pattern.NumberOfCapturingGroups())) {
    return "no match";
  }
  return values[group->second - 1];
}

TEST(AccessLogFormat, IsKnownByItsAtoms) {
  EXPECT_TRUE(IsAccessLogFormat("%(h)s %(s)s"));
  EXPECT_TRUE(IsAccessLogFormat("x %({x-forwarded-for}i)s"));
  EXPECT_FALSE(IsAccessLogFormat("^(?P<status>\\d+) 100%$"));
  EXPECT_FALSE(IsAccessLogFormat("%(s"));
}

TEST(AccessLogFormat, NamesStatusAndDuration) {
  const std::string combined =
      "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\"";
  const std::string line =
      "1.2.3.4 - - [22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\" 404 2 \"-\" "
      "\"curl 200 1\"";
  EXPECT_EQ(Group(combined, line, "status"), "404");
  EXPECT_EQ(Group(combined + " %(D)s", line + " 1500", "microseconds"), "1500");
  EXPECT_EQ(Group(combined + " %(M)s", line + " 12", "milliseconds"), "12");
  EXPECT_EQ(Group(combined + " %(L)s", line + " 0.012000", "seconds"),
            "0.012000");
  EXPECT_EQ(Group(combined + " %(T)s", line + " 3", "seconds"), "3");
}

TEST(AccessLogFormat, TakesTheFinestOfSeveralDurations) {
  EXPECT_EQ(
      Group("%(s)s %(T)s %(M)s %(D)s", "200 1 1000 1000123", "microseconds"),
      "1000123");
  EXPECT_EQ(Group("%(s)s %(T)s %(L)s", "200 1 1.000123", "seconds"),
            "1.000123");
}

TEST(AccessLogFormat, TakesTextAsItStands) {
  EXPECT_EQ(Group("(%(s)s) [100%%] %({x-request-id}o)s.", "(200) [100%] a.b.",
                  "status"),
            "200");
}

TEST(AccessLogFormat, IsTakenAsThePatternOfALog) {
  const auto pattern_of = [](const std::string& format) {
    return ParseConfig(
               "logs: [{type: file, path: /a, pattern: '" + format + "'}]",
               "c.yml")
        .config.logs[0]
        .pattern;
  };
  EXPECT_EQ(pattern_of("%(h)s %(s)s %(D)s"),
            AccessLogFormatToPattern("%(h)s %(s)s %(D)s"));
  EXPECT_THROW(pattern_of("%(h)s"), ConfigError);
}

}  // namespace
}  // namespace gunicorn_exporter
