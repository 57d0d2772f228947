#include "exporter/status/history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kBegin = seconds(1000);
constexpr std::int64_t kFirst = 200;  // The number of the point of kBegin.

// An app as it is now, and what it has counted.
StatusView App(const std::string& name, double ok = 0, double errors = 0) {
  StatusView app;
  app.status.app.name = name;
  app.requests = ok + errors;
  app.status_codes = {{"200", ok}, {"500", errors}};
  return app;
}

StatusViews Views(const std::vector<StatusView>& apps) {
  StatusViews views;
  for (const StatusView& app : apps) views[app.status.app] = app;
  return views;
}

class HistoryTest : public testing::Test {
 protected:
  // A point, five seconds after the one before.
  void Add(const std::vector<StatusView>& apps) {
    history_.Add(now_, Views(apps));
    now_ += History::kInterval;
  }
  // Told two seconds after the last point.
  Json Tell(std::int64_t after = -1, double unix_seconds = 5000) const {
    return Json::parse(history_.Json(
        after, {now_ - History::kInterval + seconds(2), unix_seconds}));
  }
  Json Values(const std::string& field, std::size_t app = 0) const {
    return Tell()["apps"].at(app).at(field);
  }

  milliseconds now_ = kBegin;
  History history_{kBegin - seconds(60)};
};

TEST_F(HistoryTest, KeepsWhatWasReadOfAnApp) {
  StatusView app = App("shop", 60, 0);
  app.status.app.container_id = "c1";
  app.quantiles = {{"0.5", 0.01}, {"0.95", 0.2}, {"1", 1.5}};
  app.working = 3;
  app.requests_in_progress = 4;
  app.queues["127.0.0.1:1"].length = 5;
  app.queues["127.0.0.1:2"].length = 6;
  app.oldest_request_seconds = 12.5;
  Add({app});
  EXPECT_EQ(Tell(), Json::parse(R"({
    "time": 5000, "interval_seconds": 5, "kept": 180,
    "first": 200, "newest": 200, "newest_age_seconds": 2, "apps_without": 0,
    "apps": [{"app": "shop", "container_id": "c1",
              "requests_per_second": [1], "error_ratio": [0],
              "p50_seconds": [0.01], "p95_seconds": [0.2], "max_seconds": [1.5],
              "working": [3], "requests_in_progress": [4],
              "queue_length": [11], "oldest_request_age_seconds": [12.5]}]
  })"));
}

TEST_F(HistoryTest, TellsThatThereIsNoPointYet) {
  const Json json = Tell();
  EXPECT_TRUE(json["newest"].is_null());
  EXPECT_EQ(json["apps"], Json::array());
}

TEST_F(HistoryTest, TellsWhatIsNotKnownAsNull) {
  StatusView app;
  app.status.app.name = "shop";
  app.quantiles = {{"0.5", std::nan("")}, {"1", 1e300}};
  Add({app});
  const Json json = Tell()["apps"][0];
  for (const auto& [field, value] : json.items()) {
    EXPECT_TRUE(field == "app" || value == Json::array({nullptr})) << field;
  }
}

TEST_F(HistoryTest, KeepsTheLastQuarterOfAnHour) {
  for (int i = 0; i < 200; ++i) {
    StatusView app = App("shop");
    app.working = i;
    Add({app});
  }
  const Json json = Tell();
  EXPECT_EQ(json["first"], kFirst + 20);
  EXPECT_EQ(json["newest"], kFirst + 199);
  const Json& working = json["apps"][0]["working"];
  ASSERT_EQ(working.size(), History::kPoints);
  EXPECT_EQ(working.front(), 20);
  EXPECT_EQ(working.back(), 199);
}

TEST_F(HistoryTest, TellsTheNewPointsAlone) {
  for (int i = 0; i < 4; ++i) {
    StatusView app = App("shop");
    app.working = i;
    Add({app});
  }
  EXPECT_EQ(Tell(kFirst + 1)["apps"][0]["working"], Json({2, 3}));
  EXPECT_EQ(Tell(kFirst + 1)["first"], kFirst + 2);
  EXPECT_EQ(Tell(kFirst + 3)["apps"][0]["working"], Json::array());
  // The machine has started anew since.
  EXPECT_EQ(Tell(kFirst + 4)["apps"][0]["working"], Json({0, 1, 2, 3}));
}

TEST_F(HistoryTest, LeavesAGapWhereNoPointWasAdded) {
  StatusView app = App("shop");
  app.working = 1;
  Add({app});
  now_ += 2 * History::kInterval;
  Add({app});
  EXPECT_EQ(Values("working"), Json({1, nullptr, nullptr, 1}));
  // So long that nothing of before is left, though it was in the same places.
  now_ += 400 * History::kInterval;
  Add({app});
  Json expected = Json::array();
  for (std::size_t i = 1; i < History::kPoints; ++i)
    expected.push_back(nullptr);
  expected.push_back(1);
  EXPECT_EQ(Values("working"), expected);
}

TEST_F(HistoryTest, TakesOnePointForEachFiveSeconds) {
  StatusView app = App("shop");
  app.working = 1;
  EXPECT_TRUE(history_.IsDue(now_));
  history_.Add(now_, Views({app}));
  app.working = 2;
  EXPECT_FALSE(history_.IsDue(now_ + milliseconds(4999)));
  history_.Add(now_ + milliseconds(4999), Views({app}));
  EXPECT_EQ(Values("working"), Json({1}));
  EXPECT_EQ(History::NextPoint(now_), now_ + seconds(5));
  EXPECT_EQ(History::NextPoint(now_ + milliseconds(4999)), now_ + seconds(5));
  EXPECT_TRUE(history_.IsDue(now_ + seconds(5)));
}

TEST_F(HistoryTest, IsNotMovedByAClockThatIsSet) {
  Add({App("shop")});
  Add({App("shop")});
  const Json before = Tell(-1, 5000);
  Json after = Tell(-1, 90);
  EXPECT_EQ(after["time"], 90);
  after["time"] = 5000;
  EXPECT_EQ(after, before);
}

TEST_F(HistoryTest, TakesRatesOverTheMinuteBefore) {
  for (int i = 0; i < 30; ++i) {
    // Ten requests each five seconds, and none in the last minute.
    Add({App("shop", 10.0 * std::min(i, 17))});
  }
  const Json rates = Values("requests_per_second");
  EXPECT_EQ(rates[17], 2);
  EXPECT_EQ(rates[23], 1);
  EXPECT_EQ(rates[29], 0);
}

// Polls of which one holds more errors than the other would tell 25 % and 0 %.
TEST_F(HistoryTest, TakesTheErrorRatioOverTheMinuteBefore) {
  double ok = 0;
  double errors = 0;
  for (int i = 0; i < 30; ++i) {
    ok += i % 3 == 0 ? 17 : 20;
    errors += i % 3 == 0 ? 3 : 0;
    Add({App("shop", ok, errors)});
    if (i < 12) continue;
    EXPECT_FLOAT_EQ(Values("error_ratio").back().get<float>(), 0.05F);
    const LastMinute minute =
        history_.MinuteOf(App("shop", ok, errors), now_ - History::kInterval);
    EXPECT_DOUBLE_EQ(minute.error_ratio.value_or(-1), 0.05);
    EXPECT_DOUBLE_EQ(minute.requests_per_second.value_or(-1), 4);
    EXPECT_EQ(minute.seconds, 60);
  }
}

TEST_F(HistoryTest, CountsALostRequestAsAnError) {
  StatusView app = App("shop");
  app.requests_lost = 0;
  Add({app});
  app = App("shop", 5, 1);
  app.requests_lost = 2;
  Add({app});
  EXPECT_EQ(Values("error_ratio"), Json({nullptr, 0.375}));
  // Where nobody tells it, as many as before are lost.
  app = App("shop", 9, 1);
  Add({app});
  EXPECT_EQ(Values("error_ratio")[2], 0.25);
  // One that comes back has begun anew.
  app = App("shop", 16, 1);
  app.requests_lost = 1;
  Add({app});
  EXPECT_EQ(Values("error_ratio")[3], 0.2);
}

TEST_F(HistoryTest, CountsOnWhereACounterBeginsAnew) {
  Add({App("shop", 1000)});
  Add({App("shop", 1010)});
  Add({App("shop", 10)});
  // Those of before came in the minute before the first point.
  EXPECT_EQ(history_.MinuteOf(App("shop", 20), now_ + seconds(45))
                .requests_per_second,
            0.5);
}

TEST_F(HistoryTest, TellsNoRateOfLessThanFiveSeconds) {
  History history(kBegin - seconds(4));
  history.Add(kBegin, Views({App("shop", 100)}));
  const auto rate = [&](milliseconds now) {
    return history.MinuteOf(App("shop", 110), now).requests_per_second;
  };
  EXPECT_EQ(rate(kBegin), std::nullopt);
  EXPECT_EQ(rate(kBegin + seconds(1)), 22);
  EXPECT_EQ(history.MinuteOf(App("bank", 10), kBegin + seconds(9))
                .requests_per_second,
            std::nullopt);
}

TEST_F(HistoryTest, TellsNoRatioWhereNothingWasAnswered) {
  Add({App("shop", 5, 5)});
  for (int i = 0; i < 13; ++i) Add({App("shop", 5, 5)});
  EXPECT_EQ(Values("error_ratio").front(), 0.5);
  EXPECT_TRUE(Values("error_ratio").back().is_null());
  EXPECT_EQ(Values("requests_per_second").back(), 0);
}

TEST_F(HistoryTest, CountsAllOfAnAppThatCameSinceTheLastPoint) {
  Add({});
  Add({App("shop", 10)});
  EXPECT_EQ(Values("requests_per_second"), Json({nullptr, 2}));
}

TEST_F(HistoryTest, ForgetsAnAppThatIsGone) {
  Add({App("bank", 1), App("shop", 100)});
  Add({App("bank", 1)});
  ASSERT_EQ(Tell()["apps"].size(), 1U);
  EXPECT_EQ(Tell()["apps"][0]["app"], "bank");
  // It comes again as another one.
  StatusView again = App("shop", 5);
  again.working = 1;
  Add({App("bank", 1), again});
  EXPECT_EQ(Values("working", 1), Json({nullptr, nullptr, 1}));
  EXPECT_EQ(Values("requests_per_second", 1), Json({nullptr, nullptr, 1}));
}

// Lines that do not tell the container count for the only one there is.
TEST_F(HistoryTest, TakesCountsThatMoveBetweenContainersForNoRequests) {
  const LabelSetPtr nobodys = MakeLabels({{"app", "shop"}});
  const auto views = [&](const std::vector<std::string>& containers) {
    std::vector<MetricFamily> families;
    families.push_back(
        MakeFamily("gunicorn_requests_total", MetricType::kCounter));
    AddSeries(families[0], nobodys, nullptr, 1'000'000);
    KnownApps known;
    for (const std::string& container : containers) {
      AppStatus status;
      status.app = {"shop", "", container};
      known.apps.push_back(status);
    }
    return ViewApps(families, known);
  };
  for (const auto& containers : std::vector<std::vector<std::string>>{
           {"c1"}, {"c1", "c2"}, {"c2"}, {"c2"}}) {
    history_.Add(now_, views(containers));
    now_ += History::kInterval;
  }
  const Json told = Tell();
  for (const Json& app : told["apps"]) {
    for (const Json& rate : app["requests_per_second"]) {
      EXPECT_TRUE(rate.is_null() || rate == 0) << app;
    }
  }
}

TEST_F(HistoryTest, KeepsPointsOfTheFirstTwoHundredApps) {
  std::vector<StatusView> apps;
  for (int i = 0; i < 200; ++i) apps.push_back(App("app" + std::to_string(i)));
  Add(apps);
  apps.insert(apps.begin(),
              App("a", 10));  // Its name comes first, and it last.
  Add(apps);
  EXPECT_EQ(Tell()["apps"].size(), 200U);
  EXPECT_EQ(Tell()["apps"][0]["app"], "app0");
  EXPECT_EQ(Tell()["apps_without"], 1);
  // Its rates are told all the same.
  EXPECT_EQ(history_.MinuteOf(App("a", 10), now_).requests_per_second, 1);
  // There is room once another one has gone.
  apps.pop_back();
  Add(apps);
  EXPECT_EQ(Tell()["apps"].size(), 200U);
  EXPECT_EQ(Tell()["apps"][0]["app"], "a");
  EXPECT_EQ(Tell()["apps_without"], 0);
}

TEST_F(HistoryTest, TellsNamesThatAreNotUtf8) {
  Add({App("a\xff\"")});
  EXPECT_EQ(Tell()["apps"][0]["app"], "a\ufffd\"");
}

}  // namespace
}  // namespace gunicorn_exporter
