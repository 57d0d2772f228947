#include "exporter/scrape/protobuf_format.h"

#include <google/protobuf/io/coded_stream.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "exporter/scrape/metrics.pb.h"
#include "tests/support/families.h"

namespace gunicorn_exporter {
namespace {

using google::protobuf::io::CodedInputStream;

// Reads what a scraper reads: each message with its length before it.
std::vector<proto::MetricFamily> Parse(const std::string& bytes) {
  std::vector<proto::MetricFamily> families;
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  std::uint32_t size = 0;
  while (in.ReadVarint32(&size)) {
    const auto limit = in.PushLimit(static_cast<int>(size));
    families.emplace_back();
    EXPECT_TRUE(families.back().ParseFromCodedStream(&in));
    EXPECT_EQ(in.BytesUntilLimit(), 0);
    in.PopLimit(limit);
  }
  EXPECT_EQ(static_cast<std::size_t>(in.CurrentPosition()), bytes.size());
  return families;
}

proto::Histogram ParseHistogram(Series series) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("d", MetricType::kHistogram));
  families[0].series.push_back(std::move(series));
  return Parse(WriteProtobuf(families)).at(0).metric(0).histogram();
}

Series MakeNativeSeries(NativeBuckets native, double count) {
  Series series = MakeHistogramSeries(nullptr, {1}, {count}, count, 2);
  auto histogram = std::make_unique<HistogramValue>();
  histogram->bounds = series.histogram->bounds;
  histogram->cumulative = series.histogram->cumulative;
  histogram->count = count;
  histogram->sum = 2;
  histogram->native = std::make_unique<const NativeBuckets>(std::move(native));
  series.histogram = std::move(histogram);
  return series;
}

TEST(ProtobufFormat, WritesEachTypeWithItsLabels) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("c_total", MetricType::kCounter, "Counts."));
  AddSeries(families[0], MakeLabels({{"app", "x"}}),
            MakeLabels({{"code", "200"}}), 3, 1700000000.25);
  families.push_back(MakeFamily("g", MetricType::kGauge));
  AddSeries(families[1], nullptr, nullptr, -1.5);
  families.push_back(MakeFamily("u", MetricType::kUntyped));
  AddSeries(families[2], nullptr, nullptr, 7);
  families.push_back(MakeFamily("empty", MetricType::kGauge));

  const auto parsed = Parse(WriteProtobuf(families));
  ASSERT_EQ(parsed.size(), 3U);
  EXPECT_EQ(parsed[0].name(), "c_total");
  EXPECT_EQ(parsed[0].help(), "Counts.");
  EXPECT_EQ(parsed[0].type(), proto::COUNTER);
  const proto::Metric& counter = parsed[0].metric(0);
  ASSERT_EQ(counter.label_size(), 2);
  EXPECT_EQ(counter.label(0).name(), "app");
  EXPECT_EQ(counter.label(1).value(), "200");
  EXPECT_EQ(counter.counter().value(), 3);
  EXPECT_EQ(counter.counter().created_timestamp().seconds(), 1700000000);
  EXPECT_EQ(counter.counter().created_timestamp().nanos(), 250000000);
  EXPECT_EQ(parsed[1].metric(0).gauge().value(), -1.5);
  EXPECT_EQ(parsed[2].metric(0).untyped().value(), 7);
}

TEST(ProtobufFormat, WritesASummary) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("w", MetricType::kSummary));
  families[0].series.push_back(
      MakeSummarySeries(nullptr, {{0.5, 0.25}}, 7, 1.5));
  const auto parsed = Parse(WriteProtobuf(families));
  const proto::Summary& summary = parsed.at(0).metric(0).summary();
  EXPECT_EQ(summary.sample_count(), 7U);
  EXPECT_EQ(summary.sample_sum(), 1.5);
  EXPECT_EQ(summary.quantile(0).quantile(), 0.5);
  EXPECT_EQ(summary.quantile(0).value(), 0.25);
}

TEST(ProtobufFormat, WritesClassicBucketsWithTheLastOne) {
  const auto histogram =
      ParseHistogram(MakeHistogramSeries(nullptr, {0.5, 1}, {1, 2}, 3, 4.5));
  ASSERT_EQ(histogram.bucket_size(), 3);
  EXPECT_EQ(histogram.bucket(0).upper_bound(), 0.5);
  EXPECT_EQ(histogram.bucket(1).cumulative_count(), 2U);
  EXPECT_EQ(histogram.bucket(2).upper_bound(),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(histogram.bucket(2).cumulative_count(), 3U);
  EXPECT_FALSE(histogram.bucket(0).has_cumulative_count_float());
  EXPECT_FALSE(histogram.has_schema());
}

TEST(ProtobufFormat, WritesNativeBucketsAsSpansAndDeltas) {
  NativeBuckets native;
  native.schema = 3;
  native.zero_threshold = 1e-9;
  native.zero_count = 2;
  native.first_index = -4;
  // -4: 0, -3: 5, -2: 3, -1: 0, 0: 4, 1 to 4: 0, 5: 1
  native.counts = {0, 5, 3, 0, 4, 0, 0, 0, 0, 1};
  const auto histogram = ParseHistogram(MakeNativeSeries(native, 15));
  EXPECT_EQ(histogram.schema(), 3);
  EXPECT_EQ(histogram.zero_threshold(), 1e-9);
  EXPECT_EQ(histogram.zero_count(), 2U);
  ASSERT_EQ(histogram.positive_span_size(), 2);
  EXPECT_EQ(histogram.positive_span(0).offset(), -3);
  EXPECT_EQ(histogram.positive_span(0).length(), 4U);
  EXPECT_EQ(histogram.positive_span(1).offset(), 4);
  EXPECT_EQ(histogram.positive_span(1).length(), 1U);
  const std::vector<std::int64_t> deltas(histogram.positive_delta().begin(),
                                         histogram.positive_delta().end());
  EXPECT_EQ(deltas, (std::vector<std::int64_t>{5, -2, -3, 4, -3}));
  EXPECT_EQ(histogram.positive_count_size(), 0);
  EXPECT_EQ(histogram.sample_count(), 15U);
  EXPECT_FALSE(histogram.has_sample_count_float());
}

// A sampled line weighs 1/rate.
TEST(ProtobufFormat, WritesFractionsAsAFloatHistogram) {
  NativeBuckets native;
  native.schema = 3;
  native.counts = {2.5, 5};
  const auto histogram = ParseHistogram(MakeNativeSeries(native, 7.5));
  EXPECT_EQ(histogram.sample_count_float(), 7.5);
  EXPECT_EQ(histogram.sample_count(), 8U);
  EXPECT_EQ(histogram.bucket(0).cumulative_count_float(), 7.5);
  EXPECT_EQ(histogram.positive_delta_size(), 0);
  ASSERT_EQ(histogram.positive_count_size(), 2);
  EXPECT_EQ(histogram.positive_count(0), 2.5);
  EXPECT_EQ(histogram.positive_count(1), 5);
}

// Else a scraper takes it for a classic histogram until the first observation.
TEST(ProtobufFormat, MarksAnEmptyNativeHistogramAsNative) {
  NativeBuckets native;
  native.schema = 3;
  const auto histogram = ParseHistogram(MakeNativeSeries(native, 0));
  ASSERT_EQ(histogram.positive_span_size(), 1);
  EXPECT_EQ(histogram.positive_span(0).length(), 0U);
}

TEST(ProtobufFormat, MakesHelpValidUtf8) {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("g", MetricType::kGauge, "a\xFF"));
  AddSeries(families[0], nullptr, nullptr, 1);
  EXPECT_EQ(Parse(WriteProtobuf(families)).at(0).help(), "a\xEF\xBF\xBD");
}

}  // namespace
}  // namespace gunicorn_exporter
