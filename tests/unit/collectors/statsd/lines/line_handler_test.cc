#include "collectors/statsd/lines/line_handler.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>

#include "tests/unit/collectors/statsd/lines/line_handler_fixture.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(LineHandlerTest, SplitsAPacketIntoLines) {
  Send("gunicorn.requests:1|c\n\n\r\ngunicorn.requests:2|c\r\nbroken");
  EXPECT_EQ(Requests("unknown"), 3);
  EXPECT_EQ(Packets(), 1);
  EXPECT_EQ(Lines(), 3);
  EXPECT_EQ(Verdicts(LineVerdict::kMalformed), 1U);
}

TEST_F(LineHandlerTest, CountsALineThatTheKernelCutAsTooLong) {
  handler().HandleDatagram(Transport::kUnixgram,
                           "gunicorn.requests:1|c\ngunicorn.requests:1", {},
                           true);
  ASSERT_TRUE(handler().Flush());
  EXPECT_EQ(Requests("unknown"), 1);
  EXPECT_EQ(Verdicts(LineVerdict::kTooLong), 1U);
}

TEST_F(LineHandlerTest, MakesTheSeriesOfSection4) {
  Send(
      "gunicorn.requests:2|c\n"
      "gunicorn.request.status.418:1|c|@0.5\n"
      "gunicorn.request.duration:250:750|ms\n"
      "gunicorn.log.exception:1|c\n"
      "gunicorn.workers:3|g\ngunicorn.workers:+2|g\ngunicorn.workers:-1|g\n"
      "gunicorn.backlog:0|h\ngunicorn.socket.backlog:9:8:3|g");
  const auto families = store().Collect({}).families;
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"unknown\""), 2);
  EXPECT_EQ(ValueOf(families, "gunicorn_request_status_total",
                    "app=\"unknown\",code=\"418\""),
            2);
  EXPECT_EQ(ValueOf(families, "gunicorn_request_status_total",
                    "app=\"unknown\",code=\"200\""),
            0);
  EXPECT_EQ(ValueOf(families, "gunicorn_log_messages_total",
                    "app=\"unknown\",level=\"exception\""),
            1);
  EXPECT_EQ(ValueOf(families, "gunicorn_arbiter_workers", "app=\"unknown\""),
            4);

  const Series* const durations = FindSeries(
      families, "gunicorn_request_duration_seconds", "app=\"unknown\"");
  ASSERT_NE(durations, nullptr);
  EXPECT_EQ(durations->histogram->count, 2);
  EXPECT_DOUBLE_EQ(durations->histogram->sum, 1);
  EXPECT_EQ(durations->histogram->cumulative,
            (std::vector<double>{0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2}));
  const Series* const window = FindSeries(
      families, "gunicorn_request_duration_window_seconds", "app=\"unknown\"");
  ASSERT_NE(window, nullptr);
  EXPECT_EQ(window->summary->quantiles.back(), (std::pair{1.0, 0.75}));
  EXPECT_EQ(window->summary->count, 2);

  const Series* const backlog =
      FindSeries(families, "gunicorn_backlog_connections", "app=\"unknown\"");
  ASSERT_NE(backlog, nullptr);
  EXPECT_EQ(backlog->histogram->count, 2);
  EXPECT_EQ(backlog->histogram->sum, 3);
  EXPECT_EQ(backlog->histogram->cumulative[0], 1);  // le="0"
  EXPECT_EQ(backlog->histogram->cumulative[3], 2);  // le="4"
}

TEST_F(LineHandlerTest, TakesTheLastOfPackedGauges) {
  Send("gunicorn.workers:3:5|g");
  EXPECT_EQ(Value("gunicorn_arbiter_workers", "app=\"unknown\""), 5);
}

TEST_F(LineHandlerTest, ARefusedLineChangesNothingAndMakesNoAppKnown) {
  Send(
      "gunicorn.requests:1:2:x|c|#app:shop\n"
      "gunicorn.requests:1:-2|c|#app:shop\n"
      "gunicorn.request.duration:5:nan|ms|#app:shop\n"
      "foo:1|c|#app:shop\ngunicorn.requests:1|s|#app:shop");
  EXPECT_EQ(Requests("shop"), -1);
  EXPECT_EQ(Lines(), 5);
  EXPECT_EQ(Verdicts(LineVerdict::kBadValue), 3U);
  EXPECT_EQ(Verdicts(LineVerdict::kUnmatched), 1U);
  EXPECT_EQ(Verdicts(LineVerdict::kSet), 1U);
}

TEST_F(LineHandlerTest, NamesTheAppByItsTagFirst) {
  store().SetKnownApps({{"only", "", ""}, {"shop", "", ""}});
  senders_.SetPid(7, {"by_pid", "", ""});
  SendFromPid("p.gunicorn.requests:1|c|#env:prod,app:shop,app:other", 7);
  EXPECT_EQ(Requests("shop"), 1);
}

TEST_F(LineHandlerTest, TakesAllAfterTheFirstColonOfTheAppTag) {
  Send("gunicorn.requests:1|c|#app:a:b");
  EXPECT_EQ(Requests("a:b"), 1);
}

TEST_F(LineHandlerTest, StripsBlanksAroundTagsAndNames) {
  config_.statsd.tag_labels = {"env"};
  Send(
      "gunicorn.requests:1|c|#env: prod, app:shop\n"
      "gunicorn.requests:1|c|#app: shop ,env:prod\n"
      "gunicorn.requests:1|c|#app: , app:shop,env:prod");
  EXPECT_EQ(Value("gunicorn_requests_total", R"(app="shop",env="prod")"), 3);
}

TEST_F(LineHandlerTest, AnEmptyAppTagIsNoAnswer) {
  Send("p.gunicorn.requests:1|c|#app:,app");
  EXPECT_EQ(Requests("p"), 1);
  Send("gunicorn.requests:1|c|#app:,app:late");
  EXPECT_EQ(Requests("late"), 1);
}

TEST_F(LineHandlerTest, NamesTheAppByItsPrefix) {
  config_.instances = {{"my_app", {}, "team.shop", ""},
                       {"dotted", {}, "dots..", ""}};
  Send(
      "team.shop.gunicorn.requests:1|c\nother.gunicorn.requests:1|c\n"
      "agunicorn.requests:1|c\nteam.shop..gunicorn.requests:1|c\n"
      "dots.gunicorn.requests:1|c");
  EXPECT_EQ(Requests("my_app"), 2);
  EXPECT_EQ(Requests("dotted"), 1);
  EXPECT_EQ(Requests("other"), 1);
  EXPECT_EQ(Requests("a"), 1);
}

TEST_F(LineHandlerTest, NamesTheAppByItsSender) {
  store().SetKnownApps({{"one", "", ""}, {"two", "", ""}});
  senders_.SetPid(7, {"one", "", ""});
  senders_.SetPort(4242, {"two", "", ""});
  SendFromPid("gunicorn.requests:1|c", 7);
  SendFromPort("gunicorn.requests:1|c\ngunicorn.requests:1|c", 4242);
  SendFromPort("gunicorn.requests:1|c", 4243);
  EXPECT_EQ(Requests("one"), 1);
  EXPECT_EQ(Requests("two"), 2);
  EXPECT_EQ(Requests("unknown"), 1);
}

TEST_F(LineHandlerTest, NamesTheOnlyAppThatIsKnown) {
  Send("gunicorn.requests:1|c");
  store().SetKnownApps({{"only", "", ""}});
  Send("gunicorn.requests:1|c");
  store().SetKnownApps({{"only", "", ""}, {"second", "", ""}});
  Send("gunicorn.requests:1|c");
  EXPECT_EQ(Requests("only"), 1);
  EXPECT_EQ(Requests("unknown"), 2);
}

TEST_F(LineHandlerTest, AnAppKnownFromItsLinesIsNotTheOnlyOne) {
  Send("gunicorn.requests:1|c|#app:shop");
  Send("gunicorn.requests:1|c");
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(Requests("unknown"), 1);
}

TEST_F(LineHandlerTest, FallsBackToTheDefaultApp) {
  config_.statsd.default_app = "rest";
  Send("gunicorn.requests:1|c");
  EXPECT_EQ(Requests("rest"), 1);
}

TEST_F(LineHandlerTest, AsksForASenderOnce) {
  senders_.SetPid(7, {"one", "", ""});
  for (int i = 0; i < 100; ++i) SendFromPid("gunicorn.requests:1|c", 7);
  EXPECT_EQ(senders_.questions(), 1);
  for (int i = 0; i < 100; ++i) SendFromPid("gunicorn.requests:1|c", 8);
  EXPECT_EQ(senders_.questions(), 2);
}

TEST_F(LineHandlerTest, RemembersASenderWhereAnotherAppBecomesKnown) {
  senders_.SetPid(7, {"one", "", ""});
  SendFromPid("gunicorn.requests:1|c", 7);
  store().SetKnownApps({{"one", "", ""}, {"two", "", ""}});
  SendFromPid("gunicorn.requests:1|c", 7);
  EXPECT_EQ(senders_.questions(), 1);
  EXPECT_EQ(Requests("one"), 2);
}

TEST_F(LineHandlerTest, DoesNotAskForASenderWhoNamesAKnownApp) {
  store().SetKnownApps({{"p", "", ""}, {"shop", "", ""}});
  SendFromPid("p.gunicorn.requests:1|c\ngunicorn.requests:1|c|#app:shop", 7);
  EXPECT_EQ(senders_.questions(), 0);
}

TEST_F(LineHandlerTest, FindsOutThatAnotherGunicornHasThePid) {
  senders_.SetPid(7, {"one", "", ""});
  SendFromPid("gunicorn.requests:1|c", 7);
  senders_.SetPid(7, {"two", "", ""});
  senders_.NextGeneration();
  SendFromPid("gunicorn.requests:1|c", 7);
  EXPECT_EQ(Requests("one"), 1);
  EXPECT_EQ(Requests("two"), 1);
  // Also where no scan has told; meanwhile it is whose it was.
  senders_.SetPid(7, {"three", "", ""});
  time_.Advance(seconds(10));
  SendFromPid("gunicorn.requests:1|c", 7);
  EXPECT_EQ(Requests("two"), 2);
  SendFromPid("gunicorn.requests:1|c", 7);
  EXPECT_EQ(Requests("three"), 1);
}

TEST_F(LineHandlerTest, AsksAgainForAnUnknownSenderSoon) {
  SendFromPid("gunicorn.requests:1|c", 7);
  senders_.SetPid(7, {"one", "", ""});
  time_.Advance(milliseconds(100));
  SendFromPid("gunicorn.requests:1|c", 7);
  EXPECT_EQ(Requests("one"), 1);
}

TEST_F(LineHandlerTest, KeepsToItsAnswersWhileTheProcessTableHangs) {
  senders_.SetPid(7, {"one", "", ""});
  SendFromPid("gunicorn.requests:1|c", 7);
  senders_.Forget();
  senders_.Hold();
  time_.Advance(seconds(10));
  SendFromPid("gunicorn.requests:1|c", 7);
  EXPECT_EQ(Requests("one"), 2);
  // Once it answers, its "no" is one.
  senders_.LetGo();
  time_.Advance(seconds(10));
  ASSERT_TRUE(handler().Flush());
  SendFromPid("gunicorn.requests:1|c", 7);
  EXPECT_EQ(Requests("one"), 2);
  EXPECT_EQ(Requests("unknown"), 1);
}

TEST_F(LineHandlerTest, TellsIpv4SendersOfAnIpv6SocketAsIpv4) {
  senders_.SetPort(4242, {"one", "", ""});
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(4242);
  ASSERT_EQ(inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr), 1);
  sockaddr_storage storage{};
  std::memcpy(&storage, &address, sizeof(address));
  Send("gunicorn.requests:1|c", DatagramSource{0, &storage});
  EXPECT_EQ(senders_.last_family(), AF_INET);
  EXPECT_EQ(Requests("one"), 1);
}

TEST_F(LineHandlerTest, TellsPodsApartOnlyWhereTheSenderIsNamed) {
  config_.process.pod_labels = true;
  store().SetKnownApps({{"shop", "pod1", "c1"}, {"shop", "pod2", "c2"}});
  senders_.SetPid(7, {"shop", "pod1", "c1"});
  senders_.SetPid(8, {"shop", "pod2", "c2"});
  SendFromPid("gunicorn.requests:1|c", 7);
  SendFromPid("gunicorn.requests:1|c", 8);
  SendFromPid("gunicorn.requests:1|c|#app:shop", 7);
  const auto families = store().Collect({}).families;
  for (const char* labels : {R"(app="shop",pod_uid="pod1",container_id="c1")",
                             R"(app="shop",pod_uid="pod2",container_id="c2")",
                             R"(app="shop",pod_uid="",container_id="")"}) {
    EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", labels), 1)
        << labels;
  }
  EXPECT_NE(FindSeries(families,
                       "gunicorn_exporter_statsd_last_packet_timestamp_seconds",
                       "app=\"shop\""),
            nullptr);
}

TEST_F(LineHandlerTest, TagsBecomeLabelsWhereTheyAreAskedFor) {
  config_.statsd.tag_labels = {"env", "my.region", "le"};
  Send(
      "gunicorn.requests:1|c|#app:shop,env:prod,my.region:eu,le:x,other:y\n"
      "gunicorn.requests:1|c|#app:shop\n"
      "gunicorn.requests:1|c|#app:shop,env:\n"
      "gunicorn.request.status.200:1|c|#app:shop,env:dev");
  const auto families = store().Collect({}).families;
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total",
                    R"(app="shop",env="prod",my_region="eu",tag_le="x")"),
            1);
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", R"(app="shop")"), 2);
  EXPECT_EQ(ValueOf(families, "gunicorn_request_status_total",
                    R"(app="shop",env="dev",code="200")"),
            1);
}

// What a real gunicorn sent in one run: see tests/fixtures/statsd.
TEST_F(LineHandlerTest, CountsARecordedGunicorn) {
  std::ifstream recorded(TESTS_DIR "/fixtures/statsd/sync-datagrams.txt");
  ASSERT_TRUE(recorded.is_open());
  std::string line;
  while (std::getline(recorded, line)) Send(line);
  const auto families = store().Collect({}).families;
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"unknown\""),
            12);
  EXPECT_EQ(ValueOf(families, "gunicorn_request_status_total",
                    "app=\"unknown\",code=\"200\""),
            9);
  EXPECT_EQ(FindSeries(families, "gunicorn_request_duration_seconds",
                       "app=\"unknown\"")
                ->histogram->count,
            12);
  EXPECT_EQ(Verdicts(LineVerdict::kUnmatched), 0U);
}

TEST_F(LineHandlerTest, EndsTheArbitersWorkersWithTheLastMaster) {
  config_.statsd.tag_labels = {"env"};
  const std::string workers = "gunicorn.workers:3|g|#app:";
  Send(workers + "shop\n" + workers + "shop,env:a\n" + workers + "other");
  const double before = Value("gunicorn_exporter_statsd_series", "");
  store().EndArbiters({{"shop", "", ""}, {"nobody", "", ""}});
  EXPECT_EQ(FindFamily(store().Collect({}).families, "gunicorn_arbiter_workers")
                ->series.size(),
            1U);
  EXPECT_EQ(Value("gunicorn_arbiter_workers", R"(app="other")"), 3);
  EXPECT_EQ(Value("gunicorn_exporter_statsd_series", ""), before - 2);
  Send(workers + "shop");  // The next master's.
  EXPECT_EQ(Value("gunicorn_arbiter_workers", R"(app="shop")"), 3);
}

}  // namespace
}  // namespace gunicorn_exporter
