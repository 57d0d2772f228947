#include "collectors/series/metric_store.h"

#include <chrono>
#include <map>
#include <memory>

#include "tests/unit/collectors/series/metric_store_fixture.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(MetricStoreTest, MakesTheZerosOfAKnownApp) {
  store().SetKnownApps({App("shop")});
  const auto families = Collect();
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"shop\""), 0);
  for (const char* level : {"critical", "error", "warning", "exception"}) {
    EXPECT_EQ(ValueOf(families, "gunicorn_log_messages_total",
                      "app=\"shop\",level=\"" + std::string(level) + "\""),
              0);
  }
  for (const int code : config_.statsd.preset_status_codes) {
    EXPECT_EQ(ValueOf(families, "gunicorn_request_status_total",
                      "app=\"shop\",code=\"" + std::to_string(code) + "\""),
              0);
  }
  EXPECT_EQ(FindFamily(families, "gunicorn_request_duration_seconds"), nullptr);
  EXPECT_EQ(
      FindFamily(families,
                 "gunicorn_exporter_statsd_last_packet_timestamp_seconds"),
      nullptr);
}

TEST_F(MetricStoreTest, ForgetsAnAppThatNeverSentALine) {
  store().SetKnownApps({App("silent"), App("talking")});
  AddRequest("talking");
  store().SetKnownApps({});
  EXPECT_EQ(Requests("silent"), -1);
  EXPECT_EQ(Requests("talking"), 1);
}

TEST_F(MetricStoreTest, AReloadDropsTheSeriesOfADroppedInstance) {
  config_.instances = {{"gone", {}, "", ""}, {"stays", {}, "", ""}};
  store().SetKnownApps({App("gone"), App("stays")});
  AddRequest("gone");
  AddRequest("stays");
  AddRequest("stranger");
  Config changed = config_;
  changed.instances = {{"stays", {{"env", "prod"}}, "", ""}};
  store().Reconfigure(changed);
  store().SetKnownApps({App("stays")});
  const auto families = Collect();
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"gone\""), -1);
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total",
                    "app=\"stays\",env=\"prod\""),
            1);
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"stranger\""),
            1);
  EXPECT_EQ(CountSeries(families), 42U);
  EXPECT_EQ(Series(), 42);
}

TEST_F(MetricStoreTest, AReloadOfPresetsKeepsWhatWasCounted) {
  config_.statsd.preset_status_codes = {200, 404};
  store().SetKnownApps({App("shop")});
  Add("shop", EventKind::kStatus, 1, 404);
  Config changed = config_;
  changed.statsd.preset_status_codes = {200, 500};
  store().Reconfigure(changed);
  store().SetKnownApps({App("shop")});
  Add("shop", EventKind::kStatus, 2, 404);
  Add("shop", EventKind::kStatus, 5, 500);
  const auto families = Collect();
  const auto code = [&](const char* text) {
    return ValueOf(families, "gunicorn_request_status_total",
                   "app=\"shop\",code=\"" + std::string(text) + "\"");
  };
  EXPECT_EQ(code("200"), 0);
  EXPECT_EQ(code("404"), 3);
  EXPECT_EQ(code("500"), 5);
  changed.statsd.preset_status_codes = {200};
  store().Reconfigure(changed);
  EXPECT_EQ(Series(), static_cast<double>(CountSeries(Collect())));
}

TEST_F(MetricStoreTest, AReloadOfBucketsBeginsDurationsAnew) {
  Add("shop", EventKind::kDuration, 0.3);
  AddRequest("shop");
  Config changed = config_;
  changed.statsd.histogram_buckets = {1, 2};
  store().Reconfigure(changed);
  EXPECT_EQ(FindFamily(Collect(), "gunicorn_request_duration_seconds"),
            nullptr);
  Add("shop", EventKind::kDuration, 0.3);
  const auto families = Collect();
  EXPECT_EQ(families[2].series[0].histogram->cumulative,
            (std::vector<double>{1, 1}));
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"shop\""), 1);
}

TEST_F(MetricStoreTest, AddsPodsUpWhenTheirLabelsAreSwitchedOff) {
  config_.process.pod_labels = true;
  Event duration;
  duration.kind = EventKind::kDuration;
  for (const char* pod : {"p1", "p2"}) {
    const SeriesKey key{{"shop", pod, ""}, {}};
    Add(key, Event());
    Add(key, duration);
  }
  Config changed = config_;
  changed.process.pod_labels = false;
  store().Reconfigure(changed);
  EXPECT_EQ(Requests("shop"), 2);
  const auto families = Collect();
  EXPECT_EQ(
      FindSeries(families, "gunicorn_request_duration_seconds", "app=\"shop\"")
          ->histogram->count,
      2);
  EXPECT_EQ(Series(), static_cast<double>(CountSeries(families)));
}

TEST_F(MetricStoreTest, AddsTaggedSeriesUpWhenTagLabelsChange) {
  config_.statsd.tag_labels = {"env"};
  for (const char* env : {"prod", "dev"}) {
    Add({App("shop"), {{"env", env}}}, Event());
    Add({App("shop"), {{"env", env}}},
        {.kind = EventKind::kBacklog, .value = 3});
  }
  Config changed = config_;
  changed.statsd.tag_labels = {};
  store().Reconfigure(changed);
  EXPECT_EQ(Requests("shop"), 2);
  const auto families = Collect();
  EXPECT_EQ(Series(), static_cast<double>(CountSeries(families)));
  EXPECT_EQ(FindFamily(families, "gunicorn_backlog_connections")
                ->series.at(0)
                .histogram->cumulative,  // At most 0, 1, 2, 4 and so on.
            (std::vector<double>{0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}));
}

// Lines that were named before a reload may reach the store after it.
TEST_F(MetricStoreTest, ALineNamedBeforeAReloadHasNoLabelThatTheReloadDropped) {
  config_.statsd.tag_labels = {"env", "zone"};
  SeriesRef ref{{App("shop"), {{"env", "prod"}, {"zone", "a"}}}};
  StoreOp op{&ref, Event(), true};
  store().Add({&op, 1});
  Config changed = config_;
  changed.statsd.tag_labels = {"zone"};
  store().Reconfigure(changed);
  store().Add({&op, 1});
  const auto families = Collect();
  const char* const name = "gunicorn_requests_total";
  EXPECT_EQ(ValueOf(families, name, R"(app="shop",zone="a")"), 2);
  EXPECT_EQ(FindFamily(families, name)->series.size(), 2U);  // And app="shop".
}

TEST_F(MetricStoreTest, ExpiresWhatIsNotUpdated) {
  config_.statsd.series_ttl = seconds(60);
  store().SetKnownApps({App("known")});
  for (const char* app : {"known", "stranger"}) {
    AddRequest(app);
    Add(app, EventKind::kStatus, 1, 418);
    Add(app, EventKind::kDuration, 1);
    Add(app, EventKind::kBacklog, 1);
    Add(app, EventKind::kArbiterWorkers, 3);
  }
  time_.Advance(seconds(61));
  const auto families = Collect();
  // The known app keeps what it has had as soon as it was known.
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"known\""), 1);
  EXPECT_EQ(ValueOf(families, "gunicorn_arbiter_workers", "app=\"known\""), 3);
  EXPECT_EQ(ValueOf(families, "gunicorn_request_status_total",
                    "app=\"known\",code=\"418\""),
            -1);
  EXPECT_EQ(FindFamily(families, "gunicorn_request_duration_seconds"), nullptr);
  EXPECT_EQ(FindFamily(families, "gunicorn_backlog_connections"), nullptr);
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"stranger\""),
            -1);
  EXPECT_EQ(Series(), 22);
  AddRequest("stranger");
  EXPECT_EQ(Requests("stranger"), 1);
}

TEST_F(MetricStoreTest, KeepsTheArbitersWorkersOfAnAppThatStillSends) {
  config_.statsd.series_ttl = seconds(60);
  Add("app", EventKind::kArbiterWorkers, 3);
  for (int minute = 0; minute < 10; ++minute) {
    time_.Advance(seconds(50));
    AddRequest("app");
    Collect();
  }
  EXPECT_EQ(ValueOf(Collect(), "gunicorn_arbiter_workers", "app=\"app\""), 3);
}

TEST_F(MetricStoreTest, ExpiresATaggedSeriesOfALivingApp) {
  config_.statsd.tag_labels = {"env"};
  config_.statsd.series_ttl = seconds(60);
  Add({App("shop"), {{"env", "prod"}}}, Event());
  time_.Advance(seconds(50));
  AddRequest("shop");
  time_.Advance(seconds(50));
  const auto families = Collect();
  EXPECT_EQ(
      ValueOf(families, "gunicorn_requests_total", R"(app="shop",env="prod")"),
      -1);
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", R"(app="shop")"), 1);
}

TEST_F(MetricStoreTest, TellsWhatArrived) {
  store().SetKnownApps({App("silent")});
  AddRequest("talking");
  const std::vector<AppArrival> arrivals = store().Arrivals();
  ASSERT_EQ(arrivals.size(), 2U);
  EXPECT_EQ(arrivals[0].app, App("silent"));
  EXPECT_FALSE(arrivals[0].statsd_seen);
  EXPECT_TRUE(arrivals[1].statsd_seen);
  EXPECT_EQ(arrivals[1].last_packet_seconds, time_.Now().unix_seconds);
  EXPECT_EQ(ValueOf(Collect(),
                    "gunicorn_exporter_statsd_last_packet_timestamp_seconds",
                    "app=\"talking\""),
            time_.Now().unix_seconds);
}

TEST_F(MetricStoreTest, TellsTheNewestPacketOfAppsOfOneName) {
  config_.process.pod_labels = true;
  // The second's key stands between those of the others.
  const AppId ids[] = {App("shop"), App("shop-api"), {"shop", "pod", ""}};
  for (const AppId& id : ids) {
    time_.Advance(seconds(1));
    Add({id, {}}, Event());
  }
  const auto families = Collect();
  const char* const name =
      "gunicorn_exporter_statsd_last_packet_timestamp_seconds";
  EXPECT_EQ(FindFamily(families, name)->series.size(), 2U);
  EXPECT_EQ(ValueOf(families, name, "app=\"shop\""), time_.Now().unix_seconds);
  EXPECT_EQ(ValueOf(families, name, "app=\"shop-api\""),
            time_.Now().unix_seconds - 1);
}

TEST_F(MetricStoreTest, TellsWhenACountBegan) {
  AddRequest("shop");
  time_.Advance(seconds(10));
  Add("shop", EventKind::kDuration, 1);
  const auto families = Collect();
  const double now = time_.Now().unix_seconds;
  EXPECT_EQ(FindSeries(families, "gunicorn_requests_total", "app=\"shop\"")
                ->created_seconds,
            now - 10);
  EXPECT_EQ(
      FindSeries(families, "gunicorn_request_duration_seconds", "app=\"shop\"")
          ->created_seconds,
      now);
}

TEST_F(MetricStoreTest, ScrapesEveryAppOnceWhateverTheirNumber) {
  config_.statsd.max_series = 100'000;
  for (int i = 0; i < 1001; ++i) AddRequest("app" + std::to_string(i));
  const auto families = Collect();
  const MetricFamily* const requests =
      FindFamily(families, "gunicorn_requests_total");
  EXPECT_EQ(requests->series.size(), 1001U);
  std::map<std::string, int> seen;
  for (const auto& series : requests->series) ++seen[LabelText(series)];
  EXPECT_EQ(seen.size(), 1001U);
}

}  // namespace
}  // namespace gunicorn_exporter
