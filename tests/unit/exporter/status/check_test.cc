#include "exporter/status/check.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

AppStatus Running() {
  AppStatus app;
  app.app.name = "my_app";
  app.ok = true;
  app.masters = 1;
  app.idle = 3;
  app.working = 1;
  app.message = "my_app: 1 master, 3 idle and 1 working workers";
  return app;
}

AppStatus Absent() {
  AppStatus app;
  app.app.name = "other";
  app.configured = true;
  app.message = "Found no master process with name: gunicorn: master [other]";
  return app;
}

TEST(FormatCheck, LooksLikeAnAgentsStatusPage) {
  EXPECT_EQ(
      FormatCheck({Running(), Absent()}, {}, {}, "1.0.0"),
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

TEST(FormatCheck, NamesSetproctitleWhereAGunicornHasNoTitle) {
  AppStatus app = Running();
  app.titled = false;
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0").find("install setproctitle"),
            std::string::npos);
  EXPECT_EQ(FormatCheck({Running()}, {}, {}, "1.0.0").find("setproctitle"),
            std::string::npos);
}

TEST(FormatCheck, NamesUntitledStrangersWhereAnInstanceIsMissing) {
  AppStatus untitled = Running();
  untitled.app.name = "shop.wsgi:application";
  untitled.titled = false;
  AppStatus titled = Running();
  titled.app.name = "titled_stranger";
  const std::string page =
      FormatCheck({Running(), Absent()}, {untitled, titled}, {}, "1.0.0");
  EXPECT_NE(
      page.find("master [other]' (found without a process title, by the "
                "command line: shop.wsgi:application; install setproctitle"),
      std::string::npos);
  EXPECT_EQ(page.find("titled_stranger"), std::string::npos);
  // Not where nobody is missing.
  EXPECT_EQ(
      FormatCheck({Running()}, {untitled}, {}, "1.0.0").find("setproctitle"),
      std::string::npos);
}

TEST(FormatCheck, SaysWhatTheLinesCarryWhereItIsNotTheName) {
  AppStatus app = Running();
  app.lines_carry = "the prefix \"superset\"";
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0")
                .find("(its StatsD lines carry the prefix \"superset\")"),
            std::string::npos);
  EXPECT_EQ(FormatCheck({Running()}, {}, {}, "1.0.0").find("carry"),
            std::string::npos);
}

TEST(FormatCheck, SaysWhatWouldTellUnknownWorkers) {
  AppStatus app = Running();
  app.unknown = 1;
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0").find("`bind`"),
            std::string::npos);
  EXPECT_EQ(FormatCheck({Running()}, {}, {}, "1.0.0").find("`bind`"),
            std::string::npos);
}

TEST(FormatCheck, SaysWhyWorkersOfItsClassReportNoRequests) {
  AppStatus app = Running();
  app.worker_class = "uvicorn.workers.UvicornWorker";
  EXPECT_NE(FormatCheck({app}, {}, {}, "1.0.0").find("send no request metrics"),
            std::string::npos);
}

TEST(FormatCheck, SaysWhenThereIsNothingToCheck) {
  EXPECT_NE(FormatCheck({}, {Running()}, {}, "1.0.0").find("discovery is off"),
            std::string::npos);
  EXPECT_NE(FormatCheck({}, {}, {}, "1.0.0").find("no gunicorn is running"),
            std::string::npos);
}

TEST(CheckExitCode, FollowsTheWorstInstance) {
  EXPECT_EQ(CheckExitCode({Running()}), 0);
  EXPECT_EQ(CheckExitCode({Running(), Absent()}), 2);
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
  EXPECT_EQ(CheckExitCode({Running(), hidden}), kExitUnknown);
  EXPECT_EQ(CheckExitCode({hidden, Absent()}), kExitCritical);
}

}  // namespace
}  // namespace gunicorn_exporter
