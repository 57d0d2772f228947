#include "collectors/process/find/gunicorn_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/fake_proc.h"
#include "tests/support/long_maps.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

TEST(ParseMetadataName, TakesTheVersion) {
  const std::pair<const char*, const char*> table[] = {
      {"gunicorn-20.1.0.egg-info", "20.1.0"},
      {"gunicorn-20.1.0-py3.11.egg-info", "20.1.0"},
      {"gunicorn-23.0.0.dist-info", "23.0.0"},
      {"gunicorn-26.1.dev1+abc.dist-info", "26.1.dev1+abc"},
      {"gunicorn", ""},
      {"gunicorn-color-1.0.dist-info", ""},
      {"gunicorn-1\n.dist-info", ""},
      {"gunicorn-.dist-info", ""},
      {"xgunicorn-1.0.dist-info", ""},
  };
  for (const auto& [name, version] : table)
    EXPECT_EQ(ParseMetadataName(name), version) << name;
}

TEST(ParseVersionOutput, TakesTheVersion) {
  EXPECT_EQ(ParseVersionOutput("gunicorn (version 20.1.0)\n"), "20.1.0");
  for (const char* text :
       {"", "20.1.0", "gunicorn (version )", "(version <b>)"})
    EXPECT_EQ(ParseVersionOutput(text), "") << text;
}

TEST(ParseSitePackages, NamesEachFolderOnce) {
  EXPECT_THAT(ParseSitePackages(
                  "7f0-7f1 r-xp 0 0:1 1 /opt/my "
                  "venv/lib/python3.12/site-packages/a.so\n"
                  "7f1-7f2 r--p 0 0:1 1 /opt/my "
                  "venv/lib/python3.12/site-packages/b.so\n"
                  "7f2-7f3 r--p 0 0:1 1 /usr/lib/python3/dist-packages/c/d.so\n"
                  "7f3-7f4 rw-p 0 0:0 0 [heap]\n"),
              ElementsAre("/opt/my venv/lib/python3.12/site-packages",
                          "/usr/lib/python3/dist-packages"));
}

class ReadVersionTest : public testing::Test {
 protected:
  std::string Read() {
    prometheus::Registry registry;
    ReadErrors errors(registry);
    ProcReader reader(proc_.root(), errors);
    return ReadVersion(reader, 10);
  }

  FakeProc proc_;
};

TEST_F(ReadVersionTest, LooksWhereSharedLibrariesCameFrom) {
  proc_.WriteFile("10/maps",
                  "1-2 r 0 0 1 /srv/lib/python3.9/site-packages/x\n");
  proc_.WriteFile(
      "10/root/srv/lib/python3.9/site-packages/"
      "gunicorn-21.2.0.dist-info/METADATA",
      "");
  EXPECT_EQ(Read(), "21.2.0");
}

TEST_F(ReadVersionTest, FindsALibraryFarDownTheMapsOfARealProcess) {
  const std::string packages = "lib/python3.11/site-packages/";
  proc_.WriteFile(packages + "title.so", "text");
  proc_.WriteFile(packages + "gunicorn-99.1.0.dist-info/METADATA", "");
  const LongMaps maps(proc_.root() + "/" + packages + "title.so");
  prometheus::Registry registry;
  ReadErrors errors(registry);
  ProcReader reader("/proc", errors);
  EXPECT_EQ(ReadVersion(reader, getpid()), "99.1.0");
}

TEST_F(ReadVersionTest, LooksInTheUsualPlaces) {
  proc_.WriteFile(
      "10/root/usr/local/lib/python3.13/site-packages/"
      "gunicorn-23.0.0.dist-info/METADATA",
      "");
  EXPECT_EQ(Read(), "23.0.0");
}

TEST_F(ReadVersionTest, FollowsNoLinkOutOfTheProcessesRoot) {
  proc_.WriteFile("outside/gunicorn-6.6.6.dist-info/METADATA", "");
  proc_.WriteFile("10/maps", "1-2 r 0 0 1 /site-packages/x\n");
  proc_.WriteFile("10/root/x", "");
  std::filesystem::create_directory_symlink(
      proc_.root() + "/outside", proc_.root() + "/10/root/site-packages");
  EXPECT_EQ(Read(), "");
}

TEST_F(ReadVersionTest, IsEmptyWithoutARoot) { EXPECT_EQ(Read(), ""); }

TEST(AskVersion, RunsTheProgram) {
  FakeProc folder;
  folder.WriteFile("gunicorn",
                   "#!/bin/sh\necho \"gunicorn (version 9.8.7) $1\"\n");
  const std::string program = folder.root() + "/gunicorn";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  EXPECT_EQ(AskVersion(program, seconds(60)), "9.8.7");
}

TEST(AskVersion, DoesNotWaitForAProgramThatHangs) {
  FakeProc folder;
  folder.WriteFile("gunicorn", "#!/bin/sh\nsleep 1000\n");
  const std::string program = folder.root() + "/gunicorn";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  EXPECT_EQ(AskVersion(program, milliseconds(50)), "");
}

TEST(AskVersion, IsEmptyWithoutAProgram) {
  EXPECT_EQ(AskVersion("/nonexistent/gunicorn", seconds(60)), "");
}

}  // namespace
}  // namespace gunicorn_exporter
