#include "exporter/status/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/running_app.h"

namespace gunicorn_exporter {
namespace {

// tests/fixtures/health: one file for each state, as /health answers in it.
std::string Golden(const std::string& name) {
  std::ifstream in(TESTS_DIR "/fixtures/health/" + name + ".json");
  EXPECT_TRUE(in.is_open()) << name;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Laid out for people, as the fixtures are.
std::string Pretty(const std::string& json) {
  return nlohmann::ordered_json::parse(json).dump(2) + "\n";
}

AppStatus Absent(const std::string& name) {
  AppStatus status;
  status.app.name = name;
  status.configured = true;
  status.message =
      "Found no master process with name: gunicorn: master [" + name + "]";
  return status;
}

TEST(Health, IsOkWhenEveryAppIs) {
  const HealthAnswer answer =
      HealthOfAll({{RunningApp("shop"), RunningApp("api")}, ""});
  EXPECT_EQ(answer.http_status, 200);
  EXPECT_EQ(Pretty(answer.json), Golden("ok"));
}

TEST(Health, IsCriticalWhenOneAppIs) {
  const HealthAnswer answer =
      HealthOfAll({{RunningApp("shop"), Absent("billing")}, ""});
  EXPECT_EQ(answer.http_status, 503);
  EXPECT_EQ(Pretty(answer.json), Golden("critical"));
}

TEST(Health, PutsNotesBehindTheMessage) {
  AppStatus status = Absent("my-app");
  status.notes = {"these run: my_app"};
  const auto json = nlohmann::json::parse(HealthOfAll({{status}, ""}).json);
  EXPECT_EQ(json["apps"][0]["message"],
            "Found no master process with name: gunicorn: master [my-app] "
            "(these run: my_app)");
}

TEST(Health, SaysThatNoneRunsOnlyWhereThatIsKnown) {
  const auto message = [](const ProcessView& view) {
    const KnownApps known =
        ToKnownApps({std::make_shared<const ProcessView>(view), false}, {});
    const HealthAnswer answer = HealthOfAll(known);
    EXPECT_EQ(answer.http_status, 503);
    return nlohmann::json::parse(answer.json)["message"].get<std::string>();
  };
  ProcessView view;
  view.readable = true;
  EXPECT_EQ(message(view),
            "no gunicorn is known: none is configured; the process table holds "
            "no process at all: is --path.procfs a mount of /proc?");
  view.processes = 1;
  EXPECT_EQ(message(view),
            "no gunicorn is known: none is configured, and none runs here");
  view.others_are_hidden = true;
  EXPECT_EQ(message(view),
            "no gunicorn is known: none is configured; other users' processes "
            "cannot be seen (hidepid of /proc): give the exporter "
            "CAP_SYS_PTRACE, or the group of the mount's option gid");
  view.others_are_hidden = false;
  Config config;
  config.discovery.enabled = false;
  view.config = std::make_shared<const Config>(config);
  EXPECT_EQ(message(view),
            "no gunicorn is known: none is configured; discovery is off: only "
            "what `instances` in the configuration names is looked for");
  view.config = nullptr;
  view.unnamed = {{4711, "python3 serve.py"}};
  EXPECT_EQ(message(view),
            "no gunicorn is known: none is configured; a gunicorn runs here "
            "that has no name: pid 4711, python3 serve.py; install "
            "setproctitle for gunicorn's Python, python3-setproctitle in "
            "Debian");
}

TEST(Health, IsCriticalWhenAMasterHasNoWorker) {
  AppStatus status = RunningApp("shop");
  status.ok = false;
  status.idle = status.working = 0;
  status.message = "shop: 1 master without a worker";
  const HealthAnswer answer = HealthOfAll({{status}, ""});
  EXPECT_EQ(answer.http_status, 503);
  EXPECT_EQ(Pretty(answer.json), Golden("no_worker"));
}

TEST(Health, IsCriticalWhenNoAppIsKnown) {
  const HealthAnswer answer = HealthOfAll({});
  EXPECT_EQ(answer.http_status, 503);
  EXPECT_EQ(Pretty(answer.json), Golden("nothing_known"));
}

TEST(Health, IsCriticalAndSaysWhyWhereTheProcessTableDoesNotAnswer) {
  const KnownApps known = {{RunningApp("shop")},
                           "the process table does not answer"};
  const HealthAnswer all = HealthOfAll(known);
  EXPECT_EQ(all.http_status, 503);
  EXPECT_EQ(Pretty(all.json), Golden("table_hangs"));
  EXPECT_EQ(HealthOfOne(known, "shop").http_status, 503);
  EXPECT_EQ(HealthOfOne(known, "other").http_status, 404);
  EXPECT_EQ(HealthOfAll({{}, "the process collector is off"}).http_status, 503);
}

TEST(Health, TellsOneAppAlone) {
  const KnownApps apps = {{RunningApp("shop"), Absent("billing")}, ""};
  EXPECT_EQ(HealthOfOne(apps, "shop").http_status, 200);
  EXPECT_EQ(Pretty(HealthOfOne(apps, "shop").json), Golden("one_ok"));
  EXPECT_EQ(HealthOfOne(apps, "billing").http_status, 503);
  EXPECT_EQ(Pretty(HealthOfOne(apps, "billing").json), Golden("one_critical"));
  EXPECT_EQ(HealthOfOne(apps, "other").http_status, 404);
  EXPECT_EQ(Pretty(HealthOfOne(apps, "other").json), Golden("unknown_app"));
}

TEST(Health, TellsWhyAnAppMayBeUnknown) {
  KnownApps apps;
  apps.notes = {"other users' processes cannot be seen"};
  EXPECT_THAT(HealthOfOne(apps, "shop").json,
              testing::HasSubstr("no app is known by the name shop; other "
                                 "users' processes cannot be seen"));
}

TEST(Health, TellsContainersOfOneNameApart) {
  AppStatus first = RunningApp("shop");
  first.app.pod_uid = "11111111-1111-1111-1111-111111111111";
  first.app.container_id = "aaaa";
  AppStatus second = Absent("shop");
  second.app.pod_uid = "22222222-2222-2222-2222-222222222222";
  second.app.container_id = "bbbb";
  const HealthAnswer answer = HealthOfOne({{second, first}, ""}, "shop");
  EXPECT_EQ(answer.http_status, 503);
  EXPECT_EQ(Pretty(answer.json), Golden("containers"));
}

TEST(Health, StaysJsonWhateverTheNameIs) {
  for (const std::string name : {"a\"b\\c\n", "\xFF\xFE", "</script>"}) {
    EXPECT_TRUE(
        nlohmann::json::accept(HealthOfAll({{RunningApp(name)}, ""}).json));
    EXPECT_TRUE(nlohmann::json::accept(HealthOfOne({}, name).json));
  }
}

}  // namespace
}  // namespace gunicorn_exporter
