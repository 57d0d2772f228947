#include "exporter/scrape/text_format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/families.h"

namespace gunicorn_exporter {
namespace {

// One gauge with the value, as text.
std::string Written(double value) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("a", MetricType::kGauge));
  AddSeries(families[0], nullptr, nullptr, value);
  const std::string text = WriteText(families);
  return text.substr(text.rfind("\na ") + 3);
}

TEST(TextFormat, WritesHelpTypeAndSeries) {
  std::vector<MetricFamily> families;
  families.push_back(
      MakeFamily("gunicorn_workers", MetricType::kGauge, "Workers by state."));
  const LabelSetPtr app = MakeLabels({{"app", "my_app"}, {"env", "prod"}});
  AddSeries(families[0], app, MakeLabels({{"state", "idle"}}), 3);
  AddSeries(families[0], app, MakeLabels({{"state", "working"}}), 1);
  EXPECT_EQ(
      WriteText(families),
      "# HELP gunicorn_workers Workers by state.\n"
      "# TYPE gunicorn_workers gauge\n"
      "gunicorn_workers{app=\"my_app\",env=\"prod\",state=\"idle\"} 3\n"
      "gunicorn_workers{app=\"my_app\",env=\"prod\",state=\"working\"} 1\n");
}

TEST(TextFormat, WritesNumbersShortAndExact) {
  const std::pair<double, const char*> table[] = {
      {0, "0\n"},
      {-0.0, "0\n"},
      {1, "1\n"},
      {-17, "-17\n"},
      {0.1, "0.1\n"},
      {1e6, "1000000\n"},
      {999999999999999, "999999999999999\n"},
      {1e15, "1e+15\n"},
      {1e-7, "1e-07\n"},
      {1234.5678, "1234.5678\n"},
      {5e-324, "5e-324\n"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308\n"},
      {std::numeric_limits<double>::infinity(), "+Inf\n"},
      {-std::numeric_limits<double>::infinity(), "-Inf\n"},
      {std::nan(""), "NaN\n"},
  };
  for (const auto& [value, text] : table) EXPECT_EQ(Written(value), text);
}

TEST(TextFormat, EscapesHelpByTheRulesOfEachFormat) {
  std::vector<MetricFamily> families;
  families.push_back(
      MakeFamily("a", MetricType::kGauge, "back\\slash \"quoted\"\nline"));
  AddSeries(families[0], nullptr, nullptr, 1);
  EXPECT_NE(
      WriteText(families).find("# HELP a back\\\\slash \"quoted\"\\nline\n"),
      std::string::npos);
  EXPECT_NE(WriteOpenMetrics(families).find(
                "# HELP a back\\\\slash \\\"quoted\\\"\\nline\n"),
            std::string::npos);
}

TEST(TextFormat, EscapesLabelValuesAndMakesThemUtf8) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("a", MetricType::kGauge));
  AddSeries(families[0], MakeLabels({{"app", "a\\b\"c\nd\xFF"}}), nullptr, 1);
  EXPECT_NE(
      WriteText(families).find("a{app=\"a\\\\b\\\"c\\nd\xEF\xBF\xBD\"} 1\n"),
      std::string::npos);
}

TEST(TextFormat, WritesAHistogramWithItsSuffixesInOrder) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("d_seconds", MetricType::kHistogram));
  families[0].series.push_back(MakeHistogramSeries(
      MakeLabels({{"app", "x"}}), {0.005, 1, 10}, {1, 2.5, 3}, 4.5, 20.25));
  EXPECT_EQ(WriteText(families),
            "# HELP d_seconds Help.\n"
            "# TYPE d_seconds histogram\n"
            "d_seconds_bucket{app=\"x\",le=\"0.005\"} 1\n"
            "d_seconds_bucket{app=\"x\",le=\"1\"} 2.5\n"
            "d_seconds_bucket{app=\"x\",le=\"10\"} 3\n"
            "d_seconds_bucket{app=\"x\",le=\"+Inf\"} 4.5\n"
            "d_seconds_sum{app=\"x\"} 20.25\n"
            "d_seconds_count{app=\"x\"} 4.5\n");
}

// OpenMetrics 1.0.0: "le" looks like a float, and counts are whole.
TEST(TextFormat, WritesAHistogramAsOpenMetricsWantsIt) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("d_seconds", MetricType::kHistogram));
  families[0].series.push_back(
      MakeHistogramSeries(nullptr, {0.005, 1}, {1, 2.5}, 4.5, 20.25));
  EXPECT_EQ(WriteOpenMetrics(families),
            "# HELP d_seconds Help.\n"
            "# TYPE d_seconds histogram\n"
            "d_seconds_bucket{le=\"0.005\"} 1\n"
            "d_seconds_bucket{le=\"1.0\"} 3\n"
            "d_seconds_bucket{le=\"+Inf\"} 5\n"
            "d_seconds_sum 20.25\n"
            "d_seconds_count 5\n"
            "# EOF\n");
}

TEST(TextFormat, WritesASummary) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("w_seconds", MetricType::kSummary));
  families[0].series.push_back(
      MakeSummarySeries(nullptr, {{0.5, 0.01}, {1, std::nan("")}}, 7, 0.5));
  EXPECT_EQ(WriteText(families),
            "# HELP w_seconds Help.\n"
            "# TYPE w_seconds summary\n"
            "w_seconds{quantile=\"0.5\"} 0.01\n"
            "w_seconds{quantile=\"1\"} NaN\n"
            "w_seconds_sum 0.5\n"
            "w_seconds_count 7\n");
  EXPECT_NE(WriteOpenMetrics(families).find("{quantile=\"1.0\"} NaN\n"),
            std::string::npos);
}

TEST(TextFormat, NamesACounterFamilyWithoutTotalInOpenMetrics) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("requests_total", MetricType::kCounter));
  AddSeries(families[0], nullptr, nullptr, 2.5, 1700000000);
  EXPECT_EQ(WriteOpenMetrics(families),
            "# HELP requests Help.\n"
            "# TYPE requests counter\n"
            "requests_total 2.5\n"
            "# EOF\n");
}

TEST(TextFormat, KeepsTheNameOfACounterThatIsNotOurs) {
  for (const std::string name : {"jobs", "jobs_total"}) {
    std::vector<MetricFamily> families;
    families.push_back(MakeFamily(name.c_str(), MetricType::kCounter));
    families[0].keeps_name = true;
    AddSeries(families[0], nullptr, nullptr, 2);
    const std::string help = "# HELP " + name + " Help.\n";
    EXPECT_EQ(WriteText(families),
              help + "# TYPE " + name + " counter\n" + name + " 2\n");
    EXPECT_EQ(WriteOpenMetrics(families),
              help + "# TYPE " + name + " unknown\n" + name + " 2\n# EOF\n");
  }
}

TEST(TextFormat, WritesAnUnknownTypeByItsNameInEachFormat) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("x", MetricType::kUntyped));
  AddSeries(families[0], nullptr, nullptr, 1);
  EXPECT_NE(WriteText(families).find("# TYPE x untyped\n"), std::string::npos);
  EXPECT_NE(WriteOpenMetrics(families).find("# TYPE x unknown\n"),
            std::string::npos);
}

TEST(TextFormat, LeavesOutAFamilyWithoutSeries) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("x", MetricType::kGauge));
  EXPECT_EQ(WriteText(families), "");
  EXPECT_EQ(WriteOpenMetrics(families), "# EOF\n");
}

TEST(TextFormat, SortsSeriesAndWritesALabelSetOnce) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("x", MetricType::kGauge));
  for (const char* app : {"b", "a", "b"}) {
    AddSeries(families[0], MakeLabels({{"app", app}}), nullptr,
              static_cast<double>(families[0].series.size()));
  }
  EXPECT_EQ(WriteText(families),
            "# HELP x Help.\n"
            "# TYPE x gauge\n"
            "x{app=\"a\"} 1\n"
            "x{app=\"b\"} 0\n");
}

TEST(TextFormat, TakesNoMoreRoomForALongNameThanForItsOwnSeries) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("x", MetricType::kGauge));
  AddSeries(families[0], MakeLabels({{"app", std::string(8000, '0')}}), nullptr,
            1);
  for (int i = 0; i < 300; ++i) {
    AddSeries(families[0], MakeLabels({{"app", "a" + std::to_string(i)}}),
              nullptr, 1);
  }
  const std::string text = WriteText(families);
  EXPECT_LT(text.capacity(), 2 * text.size());
}

TEST(TextFormat, HoldsLabelsOfAnyLength) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("x", MetricType::kGauge));
  const std::string name(100'000, 'n');
  AddSeries(families[0], MakeLabels({{"app", name}}), nullptr, 1);
  EXPECT_NE(WriteText(families).find("x{app=\"" + name + "\"} 1\n"),
            std::string::npos);
}

}  // namespace
}  // namespace gunicorn_exporter
