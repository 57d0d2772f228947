// The hand-over from access lines to StatsD lines; see event_sink.h.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "collectors/series/metric_store.h"
#include "tests/support/fake_time.h"
#include "tests/support/find_series.h"

namespace gunicorn_exporter {
namespace {

constexpr char kRequests[] = "gunicorn_requests_total";

class LogHandOverTest : public testing::Test {
 protected:
  MetricStore& store() {
    if (!store_) store_.emplace(config_, time_.Source());
    return *store_;
  }
  void AddStatsd(const AppId& app, EventKind kind = EventKind::kRequests) {
    SeriesRef ref{{app, {}}};
    Event event;
    event.kind = kind;
    event.code = 200;
    StoreOp op{&ref, event, true};
    store().Add({&op, 1});
  }
  bool AddFromLog(const std::string& name) {
    const Event events[] = {Event()};
    return store().AddFromLog({name, "", ""}, events);
  }
  double Requests(const std::string& labels) {
    return ValueOf(store().Collect({}).families, kRequests, labels);
  }

  Config config_;
  FakeTime time_;
  std::optional<MetricStore> store_;
};

TEST_F(LogHandOverTest, TakesAccessLinesUntilAStatsdLineCame) {
  EXPECT_TRUE(AddFromLog("shop"));
  EXPECT_TRUE(AddFromLog("shop"));
  EXPECT_EQ(Requests(R"(app="shop")"), 2);
  AddStatsd({"shop", "", ""});
  EXPECT_FALSE(AddFromLog("shop"));
  EXPECT_TRUE(AddFromLog("other"));
  EXPECT_EQ(Requests(R"(app="shop")"), 3);
}

TEST_F(LogHandOverTest, WaitsForALineAboutARequest) {
  for (const EventKind kind : {EventKind::kArbiterWorkers, EventKind::kBacklog,
                               EventKind::kLogMessage}) {
    AddStatsd({"shop", "", ""}, kind);
    EXPECT_TRUE(AddFromLog("shop"));
  }
  for (const EventKind kind :
       {EventKind::kRequests, EventKind::kStatus, EventKind::kDuration}) {
    const std::string name = "shop" + std::to_string(static_cast<int>(kind));
    AddStatsd({name, "", ""}, kind);
    EXPECT_FALSE(AddFromLog(name));
  }
}

// What a log counted has no pod; the app's name tells who sends StatsD.
TEST_F(LogHandOverTest, GoesByTheNameWherePodsHaveLabels) {
  config_.process.pod_labels = true;
  const AppId pod = {"shop", "uid1", "c1"};
  store().SetKnownApps({pod});
  EXPECT_TRUE(AddFromLog("shop"));
  EXPECT_EQ(Requests(R"(app="shop",pod_uid="",container_id="")"), 1);
  AddStatsd(pod);
  EXPECT_FALSE(AddFromLog("shop"));
  EXPECT_EQ(Requests(R"(app="shop",pod_uid="",container_id="")"), 1);
  EXPECT_EQ(Requests(R"(app="shop",pod_uid="uid1",container_id="c1")"), 1);
}

TEST_F(LogHandOverTest, HoldsAfterTheSeriesHaveExpired) {
  config_.statsd.series_ttl = std::chrono::seconds(60);
  AddStatsd({"shop", "", ""});
  time_.Advance(std::chrono::seconds(100));
  EXPECT_EQ(Requests(R"(app="shop")"), -1);
  EXPECT_FALSE(AddFromLog("shop"));
  EXPECT_EQ(Requests(R"(app="shop")"), -1);
}

TEST_F(LogHandOverTest, BeginsAnewAfterTheSeriesHaveExpired) {
  config_.statsd.series_ttl = std::chrono::seconds(60);
  EXPECT_TRUE(AddFromLog("shop"));
  EXPECT_TRUE(AddFromLog("shop"));
  time_.Advance(std::chrono::seconds(100));
  EXPECT_EQ(Requests(R"(app="shop")"), -1);
  EXPECT_TRUE(AddFromLog("shop"));
  EXPECT_EQ(Requests(R"(app="shop")"), 1);
}

TEST_F(LogHandOverTest, HoldsOverAReload) {
  config_.instances = {{"shop", {}, "", ""}};
  AddStatsd({"shop", "", ""});
  config_.instances.clear();
  store().Reconfigure(config_);
  EXPECT_FALSE(AddFromLog("shop"));
}

TEST_F(LogHandOverTest, AddsToTheSeriesThatAReloadMade) {
  EXPECT_TRUE(AddFromLog("shop"));
  config_.instances = {{"shop", {{"env", "prod"}}, "", ""}};
  store().Reconfigure(config_);
  EXPECT_TRUE(AddFromLog("shop"));
  EXPECT_EQ(Requests(R"(app="shop",env="prod")"), 2);
}

// A stranger may make up any number of names.
TEST_F(LogHandOverTest, ForgetsNamesWithoutSeriesOnlyWhenThereAreVeryMany) {
  config_.statsd.series_ttl = std::chrono::seconds(60);
  config_.logs.emplace_back().service = "of_a_log";
  store().SetKnownApps({{"shop", "", ""}});
  AddStatsd({"shop", "", ""});
  AddStatsd({"of_a_log", "", ""});
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 250; ++i) {
      AddStatsd({"x" + std::to_string(round * 1000 + i), "", ""});
    }
    time_.Advance(std::chrono::seconds(100));
    store().Collect({});
  }
  EXPECT_FALSE(AddFromLog("shop"));
  EXPECT_FALSE(AddFromLog("of_a_log"));
  EXPECT_TRUE(AddFromLog("x0"));
}

}  // namespace
}  // namespace gunicorn_exporter
