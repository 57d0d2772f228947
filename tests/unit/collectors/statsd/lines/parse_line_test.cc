#include "collectors/statsd/lines/parse_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gunicorn_exporter {
namespace {

struct Accepted {
  std::string line;
  SampleType type;
  std::vector<double> values;
  double weight = 1;
  std::string tags = {};
};

class ParseLineAccepts : public testing::TestWithParam<Accepted> {};

TEST_P(ParseLineAccepts, TheLine) {
  const Accepted& expected = GetParam();
  Sample sample;
  ASSERT_EQ(ParseLine(expected.line, sample), LineVerdict::kAccepted);
  EXPECT_EQ(sample.name, "a.b");
  EXPECT_EQ(sample.type, expected.type);
  EXPECT_DOUBLE_EQ(sample.weight, expected.weight);
  EXPECT_EQ(sample.tags, expected.tags);
  std::vector<double> values = {sample.first.value};
  std::string_view others = sample.others;
  SampleValue value;
  while (TakeValue(others, value)) values.push_back(value.value);
  EXPECT_EQ(values, expected.values);
}

constexpr auto kCounter = SampleType::kCounter;
constexpr auto kGauge = SampleType::kGauge;
constexpr auto kTimer = SampleType::kTimer;

INSTANTIATE_TEST_SUITE_P(
    Lines, ParseLineAccepts,
    testing::Values(
        Accepted{"a.b:1|c", kCounter, {1}}, Accepted{"a.b:3|g", kGauge, {3}},
        Accepted{"a.b:0.769|ms", kTimer, {0.769}},
        Accepted{"a.b:4000.57|ms", kTimer, {4000.57}},
        Accepted{"a.b:0|h", SampleType::kHistogram, {0}},
        Accepted{"a.b:1e-3|d", SampleType::kDistribution, {0.001}},
        Accepted{"a.b:+5|c", kCounter, {5}}, Accepted{"a.b:-5|g", kGauge, {-5}},
        Accepted{"a.b:.5|g", kGauge, {0.5}}, Accepted{"a.b:5.|g", kGauge, {5}},
        Accepted{
            "a.b:0.1234567890123456789|g", kGauge, {0.1234567890123456789}},
        Accepted{"a.b:123456789012345678|g", kGauge, {123456789012345678.0}},
        // Packed values.
        Accepted{"a.b:1:2:3|c", kCounter, {1, 2, 3}},
        Accepted{"a.b:1.5:+2:-3|g", kGauge, {1.5, 2, -3}},
        // Sample rates.
        Accepted{"a.b:1|c|@1.0", kCounter, {1}, 1},
        Accepted{"a.b:1|c|@0.5", kCounter, {1}, 2},
        Accepted{"a.b:1|ms|@1e-6", kTimer, {1}, 1e6},
        Accepted{"a.b:1|c|@0.000001", kCounter, {1}, 1e6},
        Accepted{"a.b:1|c|@1", kCounter, {1}, 1},
        Accepted{"a.b:1:2|ms|@0.5", kTimer, {1, 2}, 2},
        Accepted{"a.b:1|g|@0.5", kGauge, {1}, 1},
        Accepted{"a.b:1|g|@nonsense", kGauge, {1}, 1},
        // Fields in any order, known or not.
        Accepted{"a.b:1|c|#x:y,z", kCounter, {1}, 1, "x:y,z"},
        Accepted{"a.b:1|c|#x:y|@0.5", kCounter, {1}, 2, "x:y"},
        Accepted{"a.b:1|c|@0.5|#x:y|c:83c0a99c|e:it-false|T1656581400|card:low",
                 kCounter,
                 {1},
                 2,
                 "x:y"},
        Accepted{"a.b:1|c|zzz|#", kCounter, {1}},
        Accepted{"a.b:1|c|card:high|T0|e:|c:|#x:y", kCounter, {1}, 1, "x:y"},
        Accepted{"a.b:1|c|Tx|T|c|e|card|s", kCounter, {1}},
        Accepted{"a.b:1|c||#x:y|", kCounter, {1}, 1, "x:y"},
        Accepted{"a.b:1|c|#x:1|#x:2", kCounter, {1}, 1, "x:1"},
        Accepted{"a.b:1|c|#|#x:2", kCounter, {1}, 1, "x:2"}));

struct NotAccepted {
  std::string line;
  LineVerdict verdict;
};

class ParseLineRefuses : public testing::TestWithParam<NotAccepted> {};

TEST_P(ParseLineRefuses, TheLineWithItsReason) {
  Sample sample;
  EXPECT_EQ(VerdictName(ParseLine(GetParam().line, sample)),
            VerdictName(GetParam().verdict))
      << GetParam().line;
}

std::vector<NotAccepted> RefusedLines() {
  std::vector<NotAccepted> lines = {
      {"hello", LineVerdict::kMalformed},
      {"a.b", LineVerdict::kMalformed},
      {"a.b:1", LineVerdict::kMalformed},
      {"a.b|c", LineVerdict::kMalformed},
      {"a.b|c|#x:y", LineVerdict::kMalformed},
      {"a.b:1|", LineVerdict::kMalformed},
      {"a.b:1||c", LineVerdict::kMalformed},
      {"a.b:1|c|@0.5|@0.5", LineVerdict::kMalformed},
      {"a.b:1|g|@0.5|@0.5", LineVerdict::kMalformed},
      {":1|c", LineVerdict::kMissingName},
      {"a.b:1|q", LineVerdict::kBadType},
      {"a.b:1|C", LineVerdict::kBadType},
      {"a.b:1|mss", LineVerdict::kBadType},
      {"a.b:|c", LineVerdict::kBadValue},
      {"a.b:1:|c", LineVerdict::kBadValue},
      {"a.b::1|c", LineVerdict::kBadValue},
      {"a.b:1::2|c", LineVerdict::kBadValue},
      {"a.b:1:x|c", LineVerdict::kBadValue},
      {"a.b:1|c|@", LineVerdict::kBadSampleRate},
      {"a.b:1|c|@0", LineVerdict::kBadSampleRate},
      {"a.b:1|c|@-0.5", LineVerdict::kBadSampleRate},
      {"a.b:1|c|@1.1", LineVerdict::kBadSampleRate},
      {"a.b:1|c|@1e-7", LineVerdict::kBadSampleRate},
      {"a.b:1|c|@0.0000009", LineVerdict::kBadSampleRate},
      {"a.b:1|c|@1.0000001", LineVerdict::kBadSampleRate},
      {"a.b:1|c|@0x1", LineVerdict::kBadSampleRate},
      {"a.b:1|c|@nan", LineVerdict::kBadSampleRate},
      {"a.b:1|ms|@x", LineVerdict::kBadSampleRate},
      {"a.b\xff:1|c", LineVerdict::kBadEncoding},
      {"a.b:1|c|#x:\xc3", LineVerdict::kBadEncoding},
      {"a.b:1|c|#x:\xc0\xaf", LineVerdict::kBadEncoding},      // Overlong.
      {"a.b:1|c|#x:\xed\xa0\x80", LineVerdict::kBadEncoding},  // Surrogate.
      {"a.b:1|c|c:\xf5\x80\x80\x80", LineVerdict::kBadEncoding},
      {std::string(8193, 'a'), LineVerdict::kTooLong},
      {std::string(8192, 'a'), LineVerdict::kMalformed},
      // Ignored.
      {"a.b:1|s", LineVerdict::kSet},
      {"a.b:someone|s|@7", LineVerdict::kSet},
      {"_e{5,4}:title|text|#x:y", LineVerdict::kEvent},
      {"_sc|Redis connection|2|#env:dev", LineVerdict::kServiceCheck},
  };
  for (const char* value :
       {"nan", "NaN", "inf", "-inf", "Infinity", "0x1F", "1e999", "1 ", " 1",
        "1,5", "+-1", "--1", "+", "-", ".", "1.2.3", "1e", "abc"}) {
    lines.push_back(
        {"a.b:" + std::string(value) + "|g", LineVerdict::kBadValue});
  }
  return lines;
}

INSTANTIATE_TEST_SUITE_P(Lines, ParseLineRefuses,
                         testing::ValuesIn(RefusedLines()));

TEST(ParseLine, TakesASignedGaugeAsAChange) {
  Sample sample;
  ASSERT_EQ(ParseLine("a:+3|g", sample), LineVerdict::kAccepted);
  EXPECT_TRUE(sample.first.has_sign);
  ASSERT_EQ(ParseLine("a:3|g", sample), LineVerdict::kAccepted);
  EXPECT_FALSE(sample.first.has_sign);
}

TEST(ParseLine, TakesALineOf8192Bytes) {
  std::string line = "a:1|c|#";
  line.append(kLongestLine - line.size(), 'x');
  Sample sample;
  EXPECT_EQ(ParseLine(line, sample), LineVerdict::kAccepted);
}

TEST(ParseLine, KeepsAnUnderscoreNameThatIsNoServiceCheck) {
  Sample sample;
  EXPECT_EQ(ParseLine("_score:1|c", sample), LineVerdict::kAccepted);
}

}  // namespace
}  // namespace gunicorn_exporter
