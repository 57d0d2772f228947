#include "exporter/scrape/content_negotiation.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

constexpr auto kText = ExpositionFormat::kText;
constexpr auto kOpenMetrics = ExpositionFormat::kOpenMetrics;
constexpr auto kProtobuf = ExpositionFormat::kProtobuf;

TEST(NegotiateFormat, TakesTheBestThatBothHave) {
  const std::pair<const char*, ExpositionFormat> table[] = {
      {"", kText},
      {"*/*", kText},
      {"text/html,application/xhtml+xml,*/*;q=0.8", kText},
      {"text/plain", kText},
      {"text/plain;version=0.0.4", kText},
      {"application/openmetrics-text", kOpenMetrics},
      {"application/openmetrics-text; version=1.0.0; charset=utf-8",
       kOpenMetrics},
      {"APPLICATION/OpenMetrics-Text", kOpenMetrics},
      {"application/openmetrics-text;version=2.0.0", kText},
      {"application/openmetrics-text;version=0.0.1", kText},
      {"application/openmetrics-text;version=\"1.0.0\"", kOpenMetrics},
      {"application/vnd.google.protobuf;proto=io.prometheus.client."
       "MetricFamily;encoding=delimited",
       kProtobuf},
      {"application/vnd.google.protobuf;encoding=delimited;proto=io."
       "prometheus.client.MetricFamily;q=0.3",
       kProtobuf},
      {"application/vnd.google.protobuf", kText},
      {"application/vnd.google.protobuf;proto=io.prometheus.client."
       "MetricFamily;encoding=text",
       kText},
      // The highest q, wherever it stands; 0 means no.
      {"text/plain;q=0.5,application/openmetrics-text;q=0.7", kOpenMetrics},
      {"application/openmetrics-text;q=0.5,text/plain;q=0.7", kText},
      {"application/openmetrics-text;q=0", kText},
      {"application/openmetrics-text;q=0.5,text/plain;q=0.5", kOpenMetrics},
      {"application/openmetrics-text ; q=0.7 , text/plain ; q=0.6",
       kOpenMetrics},
      // A q that is none counts as if it were not there.
      {"application/openmetrics-text;q=x,text/plain;q=0.9", kOpenMetrics},
      {",,;,;;q=1,", kText},
      // A separator within quotes separates nothing.
      {"text/x;p=\"a,\",application/openmetrics-text", kOpenMetrics},
      {"text/x;p=\"\\\",\",application/openmetrics-text", kOpenMetrics},
  };
  for (const auto& [accept, format] : table) {
    EXPECT_EQ(NegotiateFormat(accept), format) << accept;
  }
}

// As Prometheus 2.42 sends them, without and with native histograms.
TEST(NegotiateFormat, UnderstandsPrometheus) {
  EXPECT_EQ(NegotiateFormat("application/openmetrics-text;version=1.0.0,"
                            "application/openmetrics-text;version=0.0.1;q=0.75,"
                            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            kOpenMetrics);
  EXPECT_EQ(
      NegotiateFormat("application/vnd.google.protobuf;proto=io.prometheus."
                      "client.MetricFamily;encoding=delimited,"
                      "application/openmetrics-text;version=1.0.0;q=0.8,"
                      "application/openmetrics-text;version=0.0.1;q=0.75,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
      kProtobuf);
}

TEST(AcceptsGzip, FollowsTheQValues) {
  const std::pair<const char*, bool> table[] = {
      {"", false},         {"gzip", true},
      {"GZIP", true},      {"deflate, gzip;q=1.0, *;q=0.5", true},
      {"gzip;q=0", false}, {"gzip;q=0.0, *", false},
      {"*", true},         {"*;q=0", false},
      {"identity", false}, {"br, deflate", false},
      {"xgzip", false},
  };
  for (const auto& [header, accepts] : table) {
    EXPECT_EQ(AcceptsGzip(header), accepts) << header;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
