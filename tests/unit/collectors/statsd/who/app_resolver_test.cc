#include "collectors/statsd/who/app_resolver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "tests/unit/collectors/statsd/lines/line_handler_fixture.h"

namespace gunicorn_exporter {
namespace {

using AppOfALine = LineHandlerTest;

// One gunicorn is one app, whatever its lines carry: section 7, rule by rule.
TEST_F(AppOfALine, KnownNamesComeBeforeTheSenderAndTheSenderBeforeOthers) {
  store().SetKnownApps({{"shop", "", ""}, {"store", "", ""}});
  senders_.SetPid(7, {"shop", "", ""});
  const std::tuple<const char*, pid_t, const char*> table[] = {
      {"superset.gunicorn.requests:1|c", 7, "shop"},
      {"gunicorn.requests:1|c|#app:galaxy", 7, "shop"},
      {"store.gunicorn.requests:1|c|#app:galaxy", 7, "store"},
      {"gunicorn.requests:1|c|#app:store", 7, "store"},
      {"store.gunicorn.requests:1|c", 7, "store"},
      {"superset.gunicorn.requests:1|c|#app:store", 7, "store"},
      {"superset.gunicorn.requests:1|c", 8, "superset"},
      {"superset.gunicorn.requests:1|c", 0, "superset"},
      {"superset.gunicorn.requests:1|c|#app:galaxy", 8, "galaxy"},
      {"gunicorn.requests:1|c", 8, "unknown"},
      {" gunicorn.requests:1|c", 8, "unknown"},
  };
  for (const auto& [line, pid, app] : table) {
    const double before = std::max(0.0, Requests(app));
    SendFromPid(std::string(line) + "\n" + line, pid);
    EXPECT_EQ(Requests(app), before + 2) << line;
  }
}

TEST_F(AppOfALine, ChangesBetweenTwoEqualLinesWhenItsNameBecomesKnown) {
  senders_.SetPid(7, {"shop", "", ""});
  SendFromPid("galaxy.gunicorn.requests:1|c", 7);
  EXPECT_EQ(Requests("shop"), 1);
  store().SetKnownApps({{"shop", "", ""}, {"galaxy", "", ""}});
  SendFromPid("galaxy.gunicorn.requests:1|c", 7);
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(Requests("galaxy"), 1);
}

TEST_F(AppOfALine, TellsWhatAnAppsLinesCarryWhereItIsNotItsName) {
  config_.instances = {{"my_app", {}, "team.shop", ""}};
  store().SetKnownApps(
      {{"my_app", "", ""}, {"logistik", "", ""}, {"plain", "", ""}});
  senders_.SetPid(7, {"logistik", "", ""});
  SendFromPid("gunicorn-logistik.gunicorn.requests:1|c", 7);
  Send(
      "team.shop.gunicorn.requests:1|c\nplain.gunicorn.requests:1|c\n"
      "far.gunicorn.requests:1|c");
  const CarriedNames& carried = metrics_.carried_names;
  EXPECT_EQ(carried.Of({"logistik", "", ""}),
            "the prefix \"gunicorn-logistik\"");
  EXPECT_EQ(carried.Of({"my_app", "", ""}), "the prefix \"team.shop\"");
  EXPECT_EQ(carried.Of({"plain", "", ""}), "");
  EXPECT_EQ(carried.Of({"far", "", ""}), "");
  SendFromPid("gunicorn.requests:1|c|#app:galaxy", 7);
  EXPECT_EQ(carried.Of({"logistik", "", ""}), "the tag \"app:galaxy\"");
}

TEST_F(AppOfALine, KeepsTaggedSeriesOfPodsApart) {
  config_.process.pod_labels = true;
  config_.statsd.tag_labels = {"env"};
  senders_.SetPid(7, {"shop", "pod1", ""});
  senders_.SetPid(8, {"shop", "pod2", ""});
  for (const pid_t pid : {7, 8, 8}) {
    SendFromPid("gunicorn.requests:1|c|#env:prod", pid);
  }
  const std::string name = "gunicorn_requests_total";
  const std::string app = R"(app="shop",pod_uid="pod)";
  const std::string rest = R"(",container_id="",env="prod")";
  EXPECT_EQ(Value(name, app + "1" + rest), 1);
  EXPECT_EQ(Value(name, app + "2" + rest), 2);
}

TEST_F(AppOfALine, NamesTwentyThatStartAtOnceByTheirSenders) {
  std::vector<AppId> apps;
  senders_.Hold();
  const auto name = [](int i) { return "app" + std::to_string(i); };
  for (int i = 0; i < 20; ++i) {
    apps.push_back({name(i), "", ""});
    senders_.SetPid(100 + i, apps.back());
    senders_.SetPort(static_cast<std::uint16_t>(4000 + i), apps.back());
  }
  for (int i = 0; i < 20; ++i) {
    const std::string line =
        "own" + std::to_string(i) + ".gunicorn.requests:1|c";
    SendFromPid(line, 100 + i);
    SendFromPort(line, static_cast<std::uint16_t>(4000 + i));
  }
  store().SetKnownApps(apps);  // A scan has found them meanwhile.
  senders_.LetGo();
  ASSERT_TRUE(handler().Flush());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Requests(name(i)), 2) << i;
  EXPECT_EQ(Requests("own0"), -1);
}

}  // namespace
}  // namespace gunicorn_exporter
