// statsd.max_series, and the bytes of names: who has room, and who makes room.
#include <chrono>
#include <memory>

#include "tests/unit/collectors/series/metric_store_fixture.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SeriesLimitsTest : public MetricStoreTest {};

TEST_F(SeriesLimitsTest, RefusesASeriesPastTheLimitAndCountsTheLine) {
  config_.statsd.max_series = 30;
  for (int app = 0; app < 10; ++app) AddRequest("app" + std::to_string(app));
  EXPECT_LE(Series(), 30);
  EXPECT_EQ(Series(), static_cast<double>(CountSeries(Collect())));
  EXPECT_EQ(Requests("app0"), 1);
  EXPECT_EQ(Requests("app9"), -1);
  const double refused = Refused();
  AddRequest("app0");
  EXPECT_EQ(Refused(), refused);
  AddRequest("app9");
  EXPECT_EQ(Refused(), refused + 1);
}

TEST_F(SeriesLimitsTest, CountsARefusedPackedLineOnce) {
  config_.statsd.max_series = 21;
  AddRequest("first");
  SeriesRef ref{{App("second"), {}}};
  StoreOp ops[] = {{&ref, Event(), true},
                   {&ref, Event(), false},
                   {&ref, Event(), false},
                   {&ref, Event(), true}};
  store().Add(ops);
  EXPECT_EQ(Refused(), 2);
}

TEST_F(SeriesLimitsTest, StrangersNeverPushAKnownAppOut) {
  config_.statsd.max_series = 500;
  store().SetKnownApps({App("known")});
  for (int i = 0; i < 1000; ++i) AddRequest("hostile" + std::to_string(i));
  AddRequest("known");
  Add("known", EventKind::kDuration, 0.1);
  Add("known", EventKind::kStatus, 1, 418);
  Add("known", EventKind::kArbiterWorkers, 3);
  const auto families = Collect();
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"known\""), 1);
  EXPECT_NE(FindSeries(families, "gunicorn_request_duration_seconds",
                       "app=\"known\""),
            nullptr);
  EXPECT_EQ(ValueOf(families, "gunicorn_request_status_total",
                    "app=\"known\",code=\"418\""),
            1);
  EXPECT_LE(Series(), 500);
}

TEST_F(SeriesLimitsTest, AnAppThatBecomesKnownGetsItsRoomFromStrangers) {
  config_.statsd.max_series = 500;
  for (int i = 0; i < 1000; ++i) {
    AddRequest("hostile" + std::to_string(i));
    time_.Advance(milliseconds(1));
  }
  AddRequest("hostile1");  // Not the longest silent one any more.
  store().SetKnownApps({App("known")});
  AddRequest("known");
  EXPECT_EQ(Requests("known"), 1);
  EXPECT_EQ(Requests("hostile0"), -1);
  EXPECT_EQ(Requests("hostile1"), 2);
  EXPECT_LE(Series(), 500);
}

TEST_F(SeriesLimitsTest, KeepsTaggedSeriesOfAKnownAppWhereAnotherNeedsRoom) {
  config_.statsd.max_series = 500;
  config_.statsd.tag_labels = {"env"};
  store().SetKnownApps({App("shop")});
  Add({App("shop"), {{"env", "prod"}}}, Event());
  for (int i = 0; i < 1000; ++i) {
    time_.Advance(milliseconds(1));
    AddRequest("hostile" + std::to_string(i));
  }
  store().SetKnownApps({App("known"), App("shop")});
  EXPECT_EQ(
      ValueOf(Collect(), "gunicorn_requests_total", R"(app="shop",env="prod")"),
      1);
  EXPECT_EQ(Requests("hostile0"), -1);
}

TEST_F(SeriesLimitsTest, AReloadThatDropsForeignLinesForgetsTheirApps) {
  config_.statsd.max_series = 10'000;
  config_.statsd.unmatched = UnmatchedLines::kExport;
  const std::string name(8000, 'x');
  Event event;
  event.kind = EventKind::kForeign;
  for (int i = 0; i < 600; ++i) {
    AddTo({{App(name + std::to_string(i)), {}},
           std::make_unique<const ForeignMetric>(
               ForeignMetric{{"jobs_total", {}}, MetricType::kCounter})},
          event);
  }
  EXPECT_GT(Refused(), 0) << "names fill their room";
  config_.statsd.unmatched = UnmatchedLines::kDrop;
  store().Reconfigure(config_);
  store().SetKnownApps({});
  AddRequest(name);
  EXPECT_EQ(Requests(name), 1);
}

TEST_F(SeriesLimitsTest, BoundsTheBytesOfNames) {
  config_.statsd.max_series = 1'000'000;
  config_.statsd.series_ttl = seconds(60);
  const std::string name(8000, 'x');
  for (int i = 0; i < 2000; ++i) AddRequest(name + std::to_string(i));
  EXPECT_LT(CountSeries(Collect()), 2000U * 21U / 3U);
  EXPECT_GT(Refused(), 0);
  time_.Advance(seconds(61));
  Collect();
  AddRequest(name);
  EXPECT_EQ(Requests(name), 1) << "there is room where those have expired";
}

}  // namespace
}  // namespace gunicorn_exporter
