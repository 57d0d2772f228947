#include "exporter/status/status_json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/exporter/status/status_fixture.h"

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::json;

AppStatus InContainer(const std::string& name, const std::string& container) {
  AppStatus status = RunningApp(name);
  status.app.container_id = container;
  return status;
}

TEST(StatusJson, ListsTheWorkers) {
  AppStatus app = RunningApp("shop");
  app.worker_list = {{17, WorkerState::kWorking, 1, 12.5},
                     {18, WorkerState::kIdle, 0, 0.0},
                     {19, WorkerState::kWorking, 2, std::nullopt},
                     {20, WorkerState::kUnknown, std::nullopt, std::nullopt}};
  const Json list = Status({}, {app})["apps"][0]["worker_list"];
  EXPECT_EQ(list, Json::parse(R"([
    {"pid": 17, "state": "working", "requests_in_progress": 1,
     "oldest_request_seconds": 12.5},
    {"pid": 18, "state": "idle", "requests_in_progress": 0,
     "oldest_request_seconds": 0},
    {"pid": 19, "state": "working", "requests_in_progress": 2,
     "oldest_request_seconds": null},
    {"pid": 20, "state": "unknown", "requests_in_progress": null,
     "oldest_request_seconds": null}])"));
  EXPECT_EQ(Status({}, {RunningApp("shop")})["apps"][0]["worker_list"],
            Json::array());
}

TEST(StatusJson, ListsOfManyWorkersThoseAtWorkForTheLongest) {
  AppStatus app = RunningApp("shop");
  for (pid_t pid = 1; pid <= 200; ++pid) {
    app.worker_list.push_back({pid, WorkerState::kIdle, 0, 0.0});
  }
  app.worker_list[149] = {150, WorkerState::kWorking, 0, 0.0};
  app.worker_list[179] = {180, WorkerState::kWorking, 1, 3.0};
  const Json list = Status({}, {app})["apps"][0]["worker_list"];
  ASSERT_EQ(list.size(), kMostListedWorkers);
  EXPECT_EQ(list[0]["pid"], 1);
  EXPECT_EQ(list[93]["pid"], 94);
  EXPECT_EQ(list[94]["pid"], 150);
  EXPECT_EQ(list[95]["pid"], 180);
}

TEST(StatusJson, PutsTheSeriesOfAnAppTogether) {
  const LabelSetPtr app = MakeLabels({{"app", "shop"}, {"env", "prod"}});
  std::vector<MetricFamily> families;
  families.push_back(One("gunicorn_requests_total", app, nullptr, 12));
  MetricFamily codes =
      MakeFamily("gunicorn_request_status_total", MetricType::kCounter);
  AddSeries(codes, app, MakeLabels({{"code", "200"}}), 9);
  AddSeries(codes, app, MakeLabels({{"code", "404"}}), 1);
  AddSeries(codes, app, MakeLabels({{"code", "500"}}), 2);
  families.push_back(std::move(codes));
  MetricFamily window = MakeFamily("gunicorn_request_duration_window_seconds",
                                   MetricType::kSummary);
  window.series.push_back(MakeSummarySeries(
      app, {{0.5, 0.25}, {0.95, std::nan("")}, {1, 2}}, 12, 3.5));
  families.push_back(std::move(window));
  MetricFamily queue =
      MakeFamily("gunicorn_listen_queue_length", MetricType::kGauge);
  AddSeries(queue, app, MakeLabels({{"address", "127.0.0.1:1"}}), 2);
  AddSeries(queue, app, MakeLabels({{"address", "127.0.0.1:2"}}), 3);
  families.push_back(std::move(queue));

  const Json json = Status(families, {RunningApp("shop")});
  EXPECT_EQ(json["status"], "ok");
  EXPECT_EQ(json["time"], 1000.5);
  ASSERT_EQ(json["apps"].size(), 1U);
  const Json& shop = json["apps"][0];
  EXPECT_EQ(shop["status"], "ok");
  EXPECT_EQ(shop["tags"], Json({{"env", "prod"}}));
  EXPECT_EQ(shop["workers"],
            Json({{"idle", 3}, {"working", 1}, {"unknown", 0}}));
  EXPECT_EQ(shop["requests_total"], 12);
  EXPECT_EQ(shop["status_codes"], Json({{"200", 9}, {"404", 1}, {"500", 2}}));
  EXPECT_EQ(shop["errors_total"], 2);
  EXPECT_EQ(shop["duration"]["p50"], 0.25);
  EXPECT_TRUE(shop["duration"]["p95"].is_null());  // An empty window.
  EXPECT_EQ(shop["duration"]["max"], 2);
  EXPECT_EQ(shop["queue"]["length"], 5);
  EXPECT_TRUE(shop["queue"]["limit"].is_null());
  EXPECT_TRUE(shop["connections"].is_null());
}

TEST(StatusJson, TellsTheRatesOfTheLastMinute) {
  const LabelSetPtr app = MakeLabels({{"app", "shop"}});
  std::vector<MetricFamily> families;
  families.push_back(One("gunicorn_requests_total", app, nullptr, 60));
  families.push_back(One("gunicorn_requests_lost_total", app, nullptr, 1));
  MetricFamily codes =
      MakeFamily("gunicorn_request_status_total", MetricType::kCounter);
  AddSeries(codes, app, MakeLabels({{"code", "200"}}), 57);
  AddSeries(codes, app, MakeLabels({{"code", "500"}}), 2);
  families.push_back(std::move(codes));
  families.push_back(One("gunicorn_requests_in_progress", app, nullptr, 4,
                         MetricType::kGauge));
  families.push_back(One("gunicorn_oldest_request_age_seconds", app, nullptr,
                         12.5, MetricType::kGauge));
  const KnownApps known{{RunningApp("shop")}, ""};
  History history(Milliseconds(0));
  StatusView before;
  before.status = RunningApp("shop");
  history.Add(Milliseconds(10'000), {{before.status.app, before}});
  const Json json = Json::parse(
      StatusJson(families, known, history, {Milliseconds(70'000), 1000.5}, ""));
  const Json& shop = json["apps"][0];
  EXPECT_EQ(shop["last_minute"], Json({{"seconds", 60},
                                       {"requests_per_second", 1},
                                       {"error_ratio", 0.05}}));
  EXPECT_EQ(shop["requests_lost_total"], 1);
  EXPECT_EQ(shop["requests_in_progress"], 4);
  EXPECT_EQ(shop["oldest_request_age_seconds"], 12.5);
}

TEST(StatusJson, TellsAppsAndContainersApart) {
  const AppStatus first = InContainer("shop", "aaaa");
  const AppStatus second = InContainer("shop", "bbbb");
  std::vector<MetricFamily> families;
  MetricFamily open = MakeFamily("gunicorn_connections", MetricType::kGauge);
  AddSeries(open, MakeLabels({{"app", "shop"}, {"container_id", "bbbb"}}),
            nullptr, 7);
  families.push_back(std::move(open));
  const Json json = Status(families, {first, second});
  ASSERT_EQ(json["apps"].size(), 2U);
  EXPECT_TRUE(json["apps"][0]["connections"].is_null());
  EXPECT_EQ(json["apps"][1]["connections"], 7);
}

TEST(StatusJson, TellsWhatAnAppWaitsForMostWaitsFirst) {
  const LabelSetPtr app = MakeLabels({{"app", "shop"}});
  std::vector<MetricFamily> families;
  const auto add = [&](const char* name, double first, double second) {
    MetricFamily family = MakeFamily(name, MetricType::kGauge);
    AddSeries(family, app, MakeLabels({{"peer", "10.0.0.4:80"}}), first);
    AddSeries(family, app, MakeLabels({{"peer", "10.0.0.5:5432"}}), second);
    families.push_back(std::move(family));
  };
  add("gunicorn_upstream_waits", 0, 8);
  add("gunicorn_upstream_oldest_wait_seconds", 0, 12.5);
  add("gunicorn_upstream_connections", 30, 24);
  AppStatus status = RunningApp("shop");
  status.waits = "8 requests wait for 10.0.0.5:5432, the oldest for 12 s";
  const Json json = Status(families, {status});
  EXPECT_EQ(json["apps"][0]["waits"], status.waits);
  EXPECT_EQ(json["apps"][0]["upstreams"], Json::parse(R"([
    {"peer": "10.0.0.5:5432", "waits": 8, "oldest_wait_seconds": 12.5,
     "connections": 24},
    {"peer": "10.0.0.4:80", "waits": 0, "oldest_wait_seconds": 0,
     "connections": 30}])"));
}

TEST(StatusJson, BooksLinesThatTellNoContainerToNoneOfSeveral) {
  const AppStatus first = InContainer("shop", "aaaa");
  const AppStatus second = InContainer("shop", "bbbb");
  std::vector<MetricFamily> families;
  const LabelSetPtr name_alone = MakeLabels({{"app", "shop"}});
  families.push_back(One("gunicorn_requests_total", name_alone, nullptr, 7));
  families.push_back(LastPacket("shop"));
  Json json = Status(families, {first, second});
  ASSERT_EQ(json["apps"].size(), 3U);
  EXPECT_EQ(json["apps"][0]["requests_total"], 7);
  EXPECT_EQ(json["apps"][0]["message"],
            "known from its StatsD lines: which of the containers of this name "
            "sent them is not known");
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_TRUE(json["apps"][i]["requests_total"].is_null());
    EXPECT_EQ(json["apps"][i]["last_packet_seconds"], 999);
    EXPECT_EQ(json["apps"][i]["hints"], Json::array());
  }
  // Of one container alone they can be nobody else's.
  json = Status(families, {first});
  ASSERT_EQ(json["apps"].size(), 1U);
  EXPECT_EQ(json["apps"][0]["requests_total"], 7);
}

TEST(StatusJson, SaysNothingOfErrorsWhereNoAnswerIsCounted) {
  const Json json = Status({}, {RunningApp("shop")});
  EXPECT_TRUE(json["apps"][0]["errors_total"].is_null());
}

TEST(StatusJson, ShowsAnAppThatOnlySendsLines) {
  std::vector<MetricFamily> families;
  families.push_back(
      One("gunicorn_requests_total", MakeLabels({{"app", "far"}}), nullptr, 1));
  const Json json = Status(families, {});
  EXPECT_EQ(json["apps"][0]["app"], "far");
  EXPECT_EQ(json["apps"][0]["status"], "remote");
  EXPECT_EQ(json["status"], "critical");  // As /health says.
}

TEST(StatusJson, ShowsAppsWhereTheProcessTableIsNotRead) {
  std::vector<MetricFamily> families;
  families.push_back(
      One("gunicorn_requests_total", MakeLabels({{"app", "far"}}), nullptr, 1));
  const Json json = Status(families, {}, "the process collector is off");
  EXPECT_EQ(json["apps"][0]["app"], "far");
  EXPECT_EQ(json["apps"][0]["requests_total"], 1);
  // It may well run here.
  EXPECT_EQ(json["apps"][0]["message"],
            "known from its StatsD lines: whether it runs here is not known");
  EXPECT_EQ(json["hints"][0], "the process collector is off");
  EXPECT_EQ(json["status"], "critical");
  EXPECT_EQ(Status({}, {RunningApp("shop")}, "it hangs")["status"], "critical");
}

TEST(StatusJson, PutsTheMachinesNotesFirstAmongItsHints) {
  KnownApps known;
  known.notes = {"a gunicorn runs here"};
  const Json json = Parse({}, known);
  EXPECT_EQ(json["hints"][0], "a gunicorn runs here");
}

TEST(StatusJson, DoesNotSayThatNoneRunsWhereThatIsNotKnown) {
  std::vector<MetricFamily> families;
  families.push_back(LastPacket("shop"));
  KnownApps known;
  known.others_are_hidden = true;
  const Json json = Parse(families, known);
  EXPECT_EQ(json["apps"][0]["message"],
            "known from its StatsD lines: whether it runs here is not known");
}

TEST(StatusJson, TellsAboutTheExporter) {
  std::vector<MetricFamily> families;
  families.push_back(One("gunicorn_exporter_collector_success", nullptr,
                         MakeLabels({{"collector", "logs"}}), 0));
  families.push_back(One("gunicorn_exporter_collector_duration_seconds",
                         nullptr, MakeLabels({{"collector", "logs"}}), 0.25));
  families.push_back(One("gunicorn_exporter_statsd_lines_total", nullptr,
                         MakeLabels({{"transport", "udp"}}), 40));
  families.push_back(One("gunicorn_exporter_statsd_dropped_packets_total",
                         nullptr, MakeLabels({{"transport", "udp"}}), 3));
  families.push_back(One("gunicorn_exporter_config_last_reload_successful",
                         nullptr, nullptr, 0, MetricType::kGauge));
  const Json json = Status(families, {RunningApp("a")});
  EXPECT_EQ(json["collectors"],
            Json::parse(R"([{"collector": "logs", "success": false,
                             "duration_seconds": 0.25}])"));
  EXPECT_EQ(json["statsd"]["lines"], Json({{"udp", 40}}));
  EXPECT_EQ(json["statsd"]["dropped"], 3);
  const std::string hints = json["hints"].dump();
  EXPECT_NE(hints.find("collector \\\"logs\\\" failed"), std::string::npos);
  EXPECT_NE(hints.find("--statsd.read-buffer"), std::string::npos);
  EXPECT_NE(hints.find("last reload failed"), std::string::npos);
}

TEST(StatusJson, ShowsExamplesOfLines) {
  const Json json =
      Parse({}, {{}, "", {{"unmatched", "a\xff:1|c", "pid 17", 999.5}}});
  EXPECT_EQ(json["statsd"]["examples"],
            Json::parse(R"([{"reason": "unmatched", "line": "a\ufffd:1|c",
                             "sender": "pid 17", "time": 999.5}])"));
}

}  // namespace
}  // namespace gunicorn_exporter
