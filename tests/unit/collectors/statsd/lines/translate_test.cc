#include "collectors/statsd/lines/translate.h"

#include <gtest/gtest.h>

#include <string>

#include "collectors/statsd/lines/parse_line.h"

namespace gunicorn_exporter {
namespace {

struct Translation {
  Event event;
  std::string_view prefix;
};

LineVerdict TranslateLine(const std::string& line, Translation& translation,
                          Sample& sample) {
  const LineVerdict verdict = ParseLine(line, sample);
  EXPECT_EQ(verdict, LineVerdict::kAccepted) << line;
  return Translate(sample, translation.event, translation.prefix);
}

TEST(Translate, KnowsGunicornsNames) {
  const std::pair<const char*, EventKind> table[] = {
      {"gunicorn.requests:1|c", EventKind::kRequests},
      {"gunicorn.request.status.404:1|c", EventKind::kStatus},
      {"gunicorn.request.duration:1|ms", EventKind::kDuration},
      {"gunicorn.request.duration:1|h", EventKind::kDuration},
      {"gunicorn.request.duration:1|d", EventKind::kDuration},
      {"gunicorn.log.error:1|c", EventKind::kLogMessage},
      {"gunicorn.workers:1|g", EventKind::kArbiterWorkers},
      {"gunicorn.workers:-1|g", EventKind::kArbiterWorkers},
      {"gunicorn.backlog:1|h", EventKind::kBacklog},
      {"gunicorn.socket.backlog:1|g", EventKind::kBacklog},
  };
  for (const auto& [line, kind] : table) {
    Translation translation;
    Sample sample;
    EXPECT_EQ(TranslateLine(line, translation, sample), LineVerdict::kAccepted)
        << line;
    EXPECT_EQ(translation.event.kind, kind) << line;
    EXPECT_EQ(translation.prefix, "") << line;
  }
}

TEST(Translate, TakesAStatusCodeFrom100To599) {
  const std::pair<const char*, int> table[] = {
      {"100", 100}, {"404", 404}, {"599", 599}, {"099", 0}, {"600", 0},
      {"99", 0},    {"1000", 0},  {"20x", 0},   {"", 0},    {"+20", 0},
  };
  for (const auto& [code, expected] : table) {
    Translation translation;
    Sample sample;
    const LineVerdict verdict =
        TranslateLine("gunicorn.request.status." + std::string(code) + ":1|c",
                      translation, sample);
    EXPECT_EQ(verdict,
              expected == 0 ? LineVerdict::kUnmatched : LineVerdict::kAccepted)
        << code;
    EXPECT_EQ(translation.event.code, expected) << code;
  }
}

TEST(Translate, FindsThePrefix) {
  const std::pair<const char*, const char*> table[] = {
      {"my_prefix.gunicorn.requests", "my_prefix"},
      {"team.shop.gunicorn.requests", "team.shop"},
      {"agunicorn.requests", "a"},
      {"a.gunicorn.requests", "a"},
      {"shop..gunicorn.requests", "shop"},
      {"\xc3\xa9gunicorn.requests", "\xc3\xa9"},
      {"...gunicorn.requests", ""},
      {".gunicorn.requests", ""},
      {"x.gunicorn.gunicorn.requests", "x.gunicorn"},
      {"gunicorn.gunicorn.requests", "gunicorn"},
      {"my_gunicorn.gunicorn.requests", "my_gunicorn"},
      {"x.gunicorn.y.gunicorn.requests", "x.gunicorn.y"},
      {"a.gunicorn.request.status.200", "a"},
  };
  for (const auto& [name, prefix] : table) {
    Translation translation;
    Sample sample;
    const std::string line = std::string(name) + ":1|c";
    EXPECT_EQ(TranslateLine(line, translation, sample), LineVerdict::kAccepted)
        << name;
    EXPECT_EQ(translation.prefix, prefix) << name;
  }
}

TEST(Translate, LeavesOtherNamesAlone) {
  for (const char* name :
       {"requests", "gunicorn", "gunicorn.", "gunicorn.foo",
        "gunicorn.log.info", "abgunicorn.requests",
        "\xc3\xa9\xc3\xa9gunicorn.requests", "e\xc3\xa9gunicorn.requests",
        "gunicorn.requests.more", "Gunicorn.requests", "gunicornXrequests"}) {
    Translation translation;
    Sample sample;
    EXPECT_EQ(TranslateLine(std::string(name) + ":1|c", translation, sample),
              LineVerdict::kUnmatched)
        << name;
  }
}

TEST(Translate, RefusesATypeThatDoesNotFit) {
  for (const char* line :
       {"gunicorn.requests:1|g", "gunicorn.requests:1|ms",
        "gunicorn.requests:-1|g", "gunicorn.workers:1|c",
        "gunicorn.workers:1|ms", "gunicorn.request.duration:1|c",
        "gunicorn.request.status.200:1|h", "gunicorn.log.error:1|g",
        "gunicorn.backlog:1|c", "gunicorn.backlog:1|g",
        "gunicorn.socket.backlog:1|c"}) {
    Translation translation;
    Sample sample;
    EXPECT_EQ(TranslateLine(line, translation, sample), LineVerdict::kBadType)
        << line;
  }
}

TEST(Translate, RefusesANegativeValueOfWhatIsNoGauge) {
  for (const char* line :
       {"gunicorn.requests:-1|c", "gunicorn.request.duration:-0.1|ms",
        "gunicorn.requests:1:2:-3|c", "gunicorn.backlog:-1|h",
        "gunicorn.socket.backlog:-1|g"}) {
    Translation translation;
    Sample sample;
    EXPECT_EQ(TranslateLine(line, translation, sample), LineVerdict::kBadValue)
        << line;
  }
}

TEST(SetEventValue, TakesADurationFromMillisecondsToSeconds) {
  Translation translation;
  Sample sample;
  ASSERT_EQ(
      TranslateLine("gunicorn.request.duration:1473|h", translation, sample),
      LineVerdict::kAccepted);
  EXPECT_DOUBLE_EQ(translation.event.value, 1.473);
  SetEventValue({20, false}, translation.event);
  EXPECT_DOUBLE_EQ(translation.event.value, 0.02);
}

TEST(SetEventValue, TakesASignedGaugeAsAChange) {
  Translation translation;
  Sample sample;
  ASSERT_EQ(TranslateLine("gunicorn.workers:-2|g", translation, sample),
            LineVerdict::kAccepted);
  EXPECT_TRUE(translation.event.is_delta);
  EXPECT_EQ(translation.event.value, -2);
}

}  // namespace
}  // namespace gunicorn_exporter
