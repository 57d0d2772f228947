#include "exporter/status/check.h"

#include <gtest/gtest.h>

#include "tests/support/running_app.h"

namespace gunicorn_exporter {
namespace {

AppStatus Absent() {
  AppStatus app;
  app.app.name = "other";
  app.configured = true;
  app.message = "Found no master process with name: gunicorn: master [other]";
  return app;
}

TEST(FormatCheck, LooksLikeAnAgentsStatusPage) {
  EXPECT_EQ(
      FormatCheck({RunningApp("my_app"), Absent()}, {}, {}, "1.0.0"),
      "Checks\n"
      "======\n"
      "\n"
      "  gunicorn (1.0.0)\n"
      "  ----------------\n"
      "    - instance #0 [OK]: my_app: 1 master, 3 idle and 1 working workers\n"
      "    - instance #1 [ERROR]: 'Found no master process with name: "
      "gunicorn: "
      "master [other]'\n"
      "    - Collected 2 metrics, 0 events & 2 service checks\n");
}

TEST(FormatCheck, IsNotWrittenByATitle) {
  const std::string name =
      "a\n    - instance #1 [OK]\x1b[2J\x7f\xc2\x9b\u00a0\u00fc";
  const std::string page = FormatCheck({RunningApp(name)}, {}, {}, "1.0.0");
  EXPECT_NE(page.find("instance #0 [OK]: a\uFFFD    - instance #1 [OK]\uFFFD[2J"
                      "\uFFFD\uFFFD\u00a0\u00fc: 1 master"),
            std::string::npos)
      << page;
}

TEST(FormatCheck, NamesSetproctitleWhereAGunicornHasNoTitle) {
  AppStatus app = RunningApp("my_app");
  app.titled = false;
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0").find("install setproctitle"),
            std::string::npos);
  EXPECT_EQ(
      FormatCheck({RunningApp("my_app")}, {}, {}, "1.0.0").find("setproctitle"),
      std::string::npos);
}

TEST(FormatCheck, NamesUntitledStrangersWhereAnInstanceIsMissing) {
  AppStatus untitled = RunningApp("my_app");
  untitled.app.name = "shop.wsgi:application";
  untitled.titled = false;
  AppStatus titled = RunningApp("my_app");
  titled.app.name = "titled_stranger";
  const std::string page = FormatCheck({RunningApp("my_app"), Absent()},
                                       {untitled, titled}, {}, "1.0.0");
  EXPECT_NE(
      page.find("master [other]' (found without a process title, by the "
                "command line: shop.wsgi:application; install setproctitle"),
      std::string::npos);
  EXPECT_EQ(page.find("titled_stranger"), std::string::npos);
  // Not where nobody is missing.
  EXPECT_EQ(FormatCheck({RunningApp("my_app")}, {untitled}, {}, "1.0.0")
                .find("setproctitle"),
            std::string::npos);
}

TEST(FormatCheck, SaysWhatTheLinesCarryWhereItIsNotTheName) {
  AppStatus app = RunningApp("my_app");
  app.lines_carry = "the prefix \"superset\"";
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0")
                .find("(its StatsD lines carry the prefix \"superset\")"),
            std::string::npos);
  EXPECT_EQ(FormatCheck({RunningApp("my_app")}, {}, {}, "1.0.0").find("carry"),
            std::string::npos);
}

TEST(FormatCheck, SaysWhatWouldTellUnknownWorkers) {
  AppStatus app = RunningApp("my_app");
  app.unknown = 1;
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0").find("`bind`"),
            std::string::npos);
  EXPECT_EQ(FormatCheck({RunningApp("my_app")}, {}, {}, "1.0.0").find("`bind`"),
            std::string::npos);
}

TEST(FormatCheck, SaysWhyWorkersOfItsClassReportNoRequests) {
  AppStatus app = RunningApp("my_app");
  app.worker_class = "uvicorn.workers.UvicornWorker";
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0").find("send no request metrics"),
            std::string::npos);
}

TEST(FormatCheck, SaysWhenThereIsNothingToCheck) {
  EXPECT_NE(FormatCheck({}, {RunningApp("my_app")}, {}, "1.0.0")
                .find("discovery is off"),
            std::string::npos);
  EXPECT_NE(FormatCheck({}, {}, {}, "1.0.0").find("no gunicorn is running"),
            std::string::npos);
}

TEST(CheckExitCode, FollowsTheWorstInstance) {
  EXPECT_EQ(CheckExitCode({RunningApp("my_app")}), 0);
  EXPECT_EQ(CheckExitCode({RunningApp("my_app"), Absent()}), 2);
  EXPECT_EQ(CheckExitCode({}), 3);
}

TEST(FormatCheck, PutsWhatElseToKnowBehindTheSentence) {
  AppStatus app = Absent();
  app.notes = {"these run: others"};
  const std::string page = FormatCheck({app}, {}, {"a note"}, "1.0.0");
  EXPECT_NE(page.find("gunicorn: master [other]' (these run: others)\n"
                      "    - a note\n"
                      "    - Collected"),
            std::string::npos)
      << page;
}

TEST(FormatCheck, ReplacesControlCharactersAndNothingElse) {
  AppStatus app = RunningApp("my_app");
  app.message = "a\x1b\xC2\x85z \xC2\xA7 \xC2]\n";
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0")
                .find("[OK]: a\uFFFD\uFFFDz \xC2\xA7 \xC2]\uFFFD\n"),
            std::string::npos);
}

TEST(FormatCheck, SaysThatNoneRunsOnlyWhereNoneDoes) {
  EXPECT_NE(FormatCheck({}, {}, {}, "1.0.0").find("no gunicorn is running\n"),
            std::string::npos);
  const std::string page =
      FormatCheck({}, {}, {"a gunicorn runs here"}, "1.0.0");
  EXPECT_EQ(page.find("no gunicorn is running"), std::string::npos);
  EXPECT_NE(page.find("    - no instance is configured\n"
                      "    - a gunicorn runs here\n"),
            std::string::npos)
      << page;
}

TEST(CheckExitCode, CannotTellWhereAnAppMayBeHidden) {
  AppStatus hidden = Absent();
  hidden.may_be_hidden = true;
  EXPECT_EQ(CheckExitCode({RunningApp("my_app"), hidden}), kExitUnknown);
  EXPECT_EQ(CheckExitCode({hidden, Absent()}), kExitCritical);
}

}  // namespace
}  // namespace gunicorn_exporter
