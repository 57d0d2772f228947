#include "config/python_format.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <stdexcept>
#include <string>

#include "config/base/config_error.h"
#include "config/load_config.h"

namespace gunicorn_exporter {
namespace {

// What the group of the expression holds in the line.
std::string GroupOf(const re2::RE2& pattern, const std::string& line,
                    const std::string& name) {
  if (!pattern.ok()) return "does not compile: " + pattern.error();
  const auto group = pattern.NamedCapturingGroups().find(name);
  if (group == pattern.NamedCapturingGroups().end()) return "no such group";
  std::string values[3];
  const re2::RE2::Arg args[3] = {&values[0], &values[1], &values[2]};
  const re2::RE2::Arg* const pointers[3] = {&args[0], &args[1], &args[2]};
  if (!re2::RE2::FullMatchN(line, pattern, pointers,
                            pattern.NumberOfCapturingGroups())) {
    return "no match";
  }
  return values[group->second - 1];
}

std::string Group(const std::string& format, const std::string& line,
                  const std::string& name) {
  return GroupOf(re2::RE2(AccessFormatToPattern(format), re2::RE2::Quiet), line,
                 name);
}

TEST(PythonFormat, IsKnownByItsAtoms) {
  EXPECT_TRUE(IsPythonFormat("%(h)s %(s)s"));
  EXPECT_TRUE(IsPythonFormat("x %({x-forwarded-for}i)s"));
  EXPECT_FALSE(IsPythonFormat("^(?P<status>\\d+) 100%$"));
  EXPECT_FALSE(IsPythonFormat("%(s"));
}

TEST(PythonFormat, NamesStatusAndDuration) {
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

TEST(PythonFormat, TakesTheFinestOfSeveralDurations) {
  EXPECT_EQ(
      Group("%(s)s %(T)s %(M)s %(D)s", "200 1 1000 1000123", "microseconds"),
      "1000123");
  EXPECT_EQ(Group("%(s)s %(T)s %(L)s", "200 1 1.000123", "seconds"),
            "1.000123");
}

TEST(PythonFormat, TakesTextAsItStands) {
  EXPECT_EQ(Group("(%(s)s) [100%%] %({x-request-id}o)s.", "(200) [100%] a.b.",
                  "status"),
            "200");
}

// The lines are what Python makes of D=1500, M=12, T=3, L="0.012345" (0.012345
// where it is a number), s="200", b="2".
TEST(PythonFormat, KnowsEachConversionThatWritesTheNumber) {
  const struct {
    const char* format;
    const char* line;
    const char* group;
    const char* value;
  } table[] = {
      {"%(s)s %(M)i", "200 12", "milliseconds", "12"},
      {"%(s)s %(D)d us", "200 1500 us", "microseconds", "1500"},
      {"%(s)s %(L).3f", "200 0.012", "seconds", "0.012"},
      {"%(s)s %(L)e", "200 1.234500e-02", "seconds", "1.234500e-02"},
      {"%(s)s %(L).4s", "200 0.01", "seconds", "0.01"},
      {"%(s)s %(T)u", "200 3", "seconds", "3"},
      {"%(s)s %(D)8d|", "200     1500|", "microseconds", "1500"},
      {"%(s)s %(D)-8d|", "200 1500    |", "microseconds", "1500"},
      {"%(s)s %(D)+08d|", "200 +0001500|", "microseconds", "0001500"},
      {"%(s)s %(D).2f", "200 1500.00", "microseconds", "1500.00"},
      {"%(s)s %(D)ld", "200 1500", "microseconds", "1500"},
      {"%(s)r %(M)r", "'200' 12", "status", "200"},
      {"%(s)d %(b)10s %({x-a.b}i)s %(L)s", "200          2 - 0.012345",
       "seconds", "0.012345"},
      {"%(r)s %(s)5s.", "GET / HTTP/1.1   200.", "status", "200"},
  };
  for (const auto& row : table) {
    EXPECT_EQ(Group(row.format, row.line, row.group), row.value) << row.format;
  }
}

TEST(PythonFormat, RefusesWhatPythonCannotFormatOrWritesNoNumber) {
  for (const char* format :
       {"%(s)s %(M)q", "%(s)s %(M", "%(s)s %(M)", "%(s)s 100%", "%(s)s %s",
        "%(s)s %(D)*d", "%(s)s %(h)d", "%(s)s %({x-time}i)d", "%(s)f", "%(s)x",
        "%(s).2s", "%(s)s %(D)x", "%(s)s %(D).2s", "%(s)s %(D)c"}) {
    EXPECT_TRUE(IsPythonFormat(format)) << format;
    EXPECT_THROW(AccessFormatToPattern(format), std::invalid_argument)
        << format;
  }
}

TEST(PythonFormat, NamesLevelPidAndMessageOfAnErrorLine) {
  const std::string format =
      "%(asctime)s [%(process)d] %(levelname)-8s|%(name)s: %(message)s";
  const std::string line =
      "2026-11-22 05:33:16,580 [8865] INFO    |gunicorn.error: a: b";
  const re2::RE2 pattern(ErrorFormatToPattern(format), re2::RE2::Quiet);
  EXPECT_EQ(GroupOf(pattern, line, "level"), "INFO");
  EXPECT_EQ(GroupOf(pattern, line, "pid"), "8865");
  EXPECT_EQ(GroupOf(pattern, line, "message"), "a: b");
  EXPECT_EQ(GroupOf(re2::RE2(ErrorFormatToPattern("%(levelname).1s %(msecs)03d "
                                                  "%(message)s")),
                    "W 007 x", "level"),
            "W");
  EXPECT_THROW(ErrorFormatToPattern("%(levelname)d"), std::invalid_argument);
}

TEST(PythonFormat, IsTakenAsThePatternOfALog) {
  const auto pattern_of = [](const std::string& format) {
    return ParseConfig(
               "logs: [{type: file, path: /a, pattern: '" + format + "'}]",
               "c.yml")
        .config.logs[0]
        .pattern;
  };
  EXPECT_EQ(pattern_of("%(h)s %(s)s %(D)s"),
            AccessFormatToPattern("%(h)s %(s)s %(D)s"));
  EXPECT_THROW(pattern_of("%(h)s"), ConfigError);
}

}  // namespace
}  // namespace gunicorn_exporter
