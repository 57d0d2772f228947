#include "config/duration.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;

TEST(ParseDuration, TakesNumbersWithUnits) {
  const std::pair<const char*, int> table[] = {
      {"60s", 60'000},    {"5m", 300'000},     {"1h30m", 5'400'000},
      {"250ms", 250},     {"1.5s", 1'500},     {"0s", 0},
      {"1d", 86'400'000}, {"1m500ms", 60'500}, {"0.0001s", 1},
  };
  for (const auto& [text, expected] : table) {
    EXPECT_EQ(ParseDuration(text), milliseconds(expected)) << text;
  }
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "60", "s", "5 min", "5 m", "-5s", "1e3s", "1x",
                           "1s ", " 1s", "nans", "infs", "99999999999d"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
