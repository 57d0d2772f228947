#include "exporter/status/status_hints.h"

#include <gtest/gtest.h>

#include "collectors/logs/log_counts.h"
#include "tests/unit/exporter/status/status_fixture.h"

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::json;

std::string HintsOf(const AppStatus& status,
                    const std::vector<MetricFamily>& families = {}) {
  return Status(families, {status})["apps"][0]["hints"].dump();
}

TEST(StatusHints, SayHowToSendStatsdUntilALineComes) {
  EXPECT_EQ(HintsOf(RunningApp("shop")),
            "[\"no StatsD line from shop yet: start gunicorn with "
            "--statsd-host 127.0.0.1:8125\"]");
  std::vector<MetricFamily> families;
  families.push_back(LastPacket("shop"));
  EXPECT_EQ(HintsOf(RunningApp("shop"), families).find("no StatsD line"),
            std::string::npos);
  AppStatus absent;  // Its message says all there is to say.
  absent.app.name = "shop";
  EXPECT_EQ(HintsOf(absent), "[]");
}

TEST(StatusHints, SayWhereAGunicornIsTooOldForTheUnixSocket) {
  const auto hints = [](const char* version, const char* address) {
    std::vector<MetricFamily> families;
    families.push_back(One("gunicorn_app_info", MakeLabels({{"app", "shop"}}),
                           MakeLabels({{"version", version}}), 1));
    const KnownApps known{{RunningApp("shop")}, ""};
    return Parse(families, known, address)["apps"][0]["hints"].dump();
  };
  EXPECT_EQ(hints("20.1.0", "unix:///run/statsd.sock"),
            "[\"no StatsD line from shop yet: gunicorn 20.1.0 does not start "
            "with a unix socket as --statsd-host, which takes 21 or later: "
            "have it send to an address of --statsd.listen-udp\"]");
  for (const char* version : {"21.0.0", "26.1.0", "", "master"}) {
    EXPECT_EQ(hints(version, "unix:///run/statsd.sock"),
              "[\"no StatsD line from shop yet: start gunicorn with "
              "--statsd-host unix:///run/statsd.sock\"]")
        << version;
  }
  EXPECT_EQ(hints("20.1.0", kStatsdAddress), HintsOf(RunningApp("shop")));
}

TEST(StatusHints, NameNoAddressThatNobodyCanSendTo) {
  for (const char* address : {"[::]:8125", "0.0.0.0:8125"}) {
    const std::string hints =
        Parse({}, {{RunningApp("shop")}, ""}, address)["apps"][0]["hints"]
            .dump();
    EXPECT_NE(hints.find("--statsd-host HOST:8125, where HOST is a name or an "
                         "IPv4 address of this exporter"),
              std::string::npos)
        << hints;
  }
}

TEST(StatusHints, SayThatASocketIsOpenAndNothingComes) {
  AppStatus status = RunningApp("shop");
  status.statsd_socket = "127.0.0.1:8125";
  const std::string hint =
      "[\"shop has a socket to 127.0.0.1:8125 and nothing has come for 5 "
      "minutes\"";
  EXPECT_EQ(HintsOf(status), hint + "]");
  std::vector<MetricFamily> families;
  families.push_back(LastPacket("shop"));  // Just now.
  EXPECT_EQ(HintsOf(status, families).find("has a socket"), std::string::npos);
  families[0].series[0].value = 700;
  EXPECT_TRUE(HintsOf(status, families).starts_with(hint));
}

TEST(StatusHints, SayWhyAWorkerClassReportsNothing) {
  AppStatus asgi = RunningApp("shop");
  asgi.worker_class = "asgi";
  EXPECT_NE(HintsOf(asgi).find("ASGI workers report requests only with access "
                               "logging on"),
            std::string::npos);
  AppStatus uvicorn = RunningApp("shop");
  uvicorn.worker_class = "uvicorn.workers.UvicornWorker";
  EXPECT_NE(HintsOf(uvicorn).find("send no request metrics"),
            std::string::npos);
}

TEST(StatusHints, SayWhyLinesMayComeWithoutARequest) {
  std::vector<MetricFamily> families;
  families.push_back(LastPacket("shop"));
  EXPECT_NE(
      HintsOf(RunningApp("shop"), families).find("uvicorn's and tornado's"),
      std::string::npos);
  AppStatus gthread = RunningApp("shop");
  gthread.worker_class = "gthread";
  EXPECT_EQ(HintsOf(gthread, families), "[]");
  families.push_back(One("gunicorn_requests_total",
                         MakeLabels({{"app", "shop"}}), nullptr, 1));
  EXPECT_EQ(HintsOf(RunningApp("shop"), families), "[]");
}

TEST(StatusHints, BeginWithTheNotes) {
  AppStatus status = RunningApp("shop");
  status.notes = {"2 gunicorns have this name"};
  EXPECT_EQ(HintsOf(status).find("[\"2 gunicorns have this name\""), 0U);
}

TEST(StatusHints, SayThatTitlesAreNotSet) {
  AppStatus status = RunningApp("shop");
  status.titled = false;
  EXPECT_NE(HintsOf(status).find("gunicorn runs without setproctitle"),
            std::string::npos);
}

TEST(StatusHints, SayThatAQueueIsFull) {
  const LabelSetPtr app = MakeLabels({{"app", "shop"}});
  const LabelSetPtr full = MakeLabels({{"address", "127.0.0.1:1"}});
  const LabelSetPtr empty = MakeLabels({{"address", "127.0.0.1:2"}});
  MetricFamily length =
      MakeFamily("gunicorn_listen_queue_length", MetricType::kGauge);
  AddSeries(length, app, full, 10);
  AddSeries(length, app, empty, 0);
  MetricFamily limit =
      MakeFamily("gunicorn_listen_queue_limit", MetricType::kGauge);
  AddSeries(limit, app, full, 10);
  AddSeries(limit, app, empty, 2048);
  std::vector<MetricFamily> families;
  families.push_back(std::move(length));
  families.push_back(std::move(limit));
  const Json json = Status(families, {RunningApp("shop")})["apps"][0];
  EXPECT_EQ(json["queue"]["full"], true);
  EXPECT_EQ(json["queue"]["length"], 10);
  EXPECT_NE(json["hints"].dump().find("the listen queue is full"),
            std::string::npos);
}

TEST(StatusHints, TellALogOfWhichNoFileIsReadOrMostLinesAreNotUnderstood) {
  LogCounts counts;
  counts.SetLogs({}, {"/a.log", "/b.log", "/c.log"});
  counts.SetTotals({}, {{"/b.log", {1, 1}}, {"/c.log", {2, 1}}});
  for (const char* path : {"/b.log", "/b.log", "/c.log", "/c.log"}) {
    counts.AddUnmatched(path, Unmatched::kNoFormat);
  }
  const std::vector<std::string> hints = HintsForAll(counts.Collect({}));
  ASSERT_EQ(hints.size(), 2U);
  EXPECT_TRUE(hints[0].starts_with("of the log \"/a.log\" no file is read: "));
  EXPECT_TRUE(hints[1].starts_with(
      "2 lines of the log \"/b.log\" fit no known format and 1 fit one: "));
}

}  // namespace
}  // namespace gunicorn_exporter
