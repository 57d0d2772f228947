#include "collectors/process/find/gunicorn_title.h"

#include <gtest/gtest.h>

#include <string>

namespace gunicorn_exporter {
namespace {

TEST(ParseGunicornTitle, TakesEachKindOfTitle) {
  const struct {
    const char* title;
    TitleKind kind;
    const char* app;
  } table[] = {
      {"gunicorn: master [my_app]", TitleKind::kMaster, "my_app"},
      {"gunicorn: master [my_app.2]", TitleKind::kMaster, "my_app.2"},
      {"gunicorn: worker [my_app]", TitleKind::kWorker, "my_app"},
      {"gunicorn: dirty-arbiter", TitleKind::kDirtyArbiter, ""},
      {"gunicorn: dirty-arbiter [my_app]", TitleKind::kDirtyArbiter, ""},
      {"gunicorn: worker - stop accepting", TitleKind::kWorker,
       "- stop accepting"},
      {"gunicorn: dirty-worker [my_app]", TitleKind::kDirtyWorker, "my_app"},
      {"gunicorn: master [a]b]", TitleKind::kMaster, "a]b"},
      {"gunicorn: master [a [b]]", TitleKind::kMaster, "a [b]"},
      {"gunicorn: master [shop] [v1.2]", TitleKind::kMaster, "shop"},
      {"gunicorn: master canon [backlog: 7]", TitleKind::kMaster, "canon"},
      {"gunicorn: master canon", TitleKind::kMaster, "canon"},
      {"gunicorn: master [ my app ]", TitleKind::kMaster, " my app "},
      {"gunicorn: master [caf\xC3\xA9]", TitleKind::kMaster, "caf\xC3\xA9"},
      {"gunicorn: master [shop]   ", TitleKind::kMaster, "shop"},
      {"gunicorn: master [cut by the ker", TitleKind::kMaster,
       "cut by the ker"},
  };
  for (const auto& row : table) {
    const GunicornTitle title = ParseGunicornTitle(row.title);
    EXPECT_EQ(title.kind, row.kind) << row.title;
    EXPECT_EQ(title.app, row.app) << row.title;
  }
}

TEST(ParseGunicornTitle, IgnoresThePaddingOfNuls) {
  const std::string cmdline =
      std::string("gunicorn: worker [my_app]") + std::string(200, '\0');
  EXPECT_EQ(ParseGunicornTitle(cmdline).app, "my_app");
}

TEST(ParseGunicornTitle, RefusesOtherTitles) {
  for (const char* title : {"", "gunicorn", "gunicorn: ", "gunicorn: maste",
                            "gunicorn: master", "gunicorn: master[x]",
                            "gunicorn: masters [x]", "vim gunicorn: master [x]",
                            "gunicorn: dirty-arbiters", "python3 gunicorn"})
    EXPECT_EQ(ParseGunicornTitle(title).kind, TitleKind::kNone) << title;
}

TEST(IsPython, KnowsInterpreters) {
  for (const char* name : {"python", "python3.11", "pypy3.9", "ipython"})
    EXPECT_TRUE(IsPython(name)) << name;
  for (const char* name : {"", "gunicorn", "ruby", "uwsgi"})
    EXPECT_FALSE(IsPython(name)) << name;
}

TEST(MayBeGunicorn, LetsGunicornsAndInterpretersPass) {
  for (const char* comm : {"gunicorn: maste", "gunicorn", "python3.11",
                           "python", "pypy3", "ipython"})
    EXPECT_TRUE(MayBeGunicorn(comm)) << comm;
  for (const char* comm : {"nginx", "sh", "", "kworker/0:1"})
    EXPECT_FALSE(MayBeGunicorn(comm)) << comm;
}

}  // namespace
}  // namespace gunicorn_exporter
