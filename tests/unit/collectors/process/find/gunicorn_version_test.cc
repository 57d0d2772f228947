#include "collectors/process/find/gunicorn_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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

class ReadVersionTest : public testing::Test {
 protected:
  std::string Read() {
    prometheus::Registry registry;
    ProcReader reader(proc_.root(), registry);
    return ReadVersion(reader, 10);
  }

  void Write(const std::string& path, const std::string& text = "x") {
    proc_.WriteFile("10/root" + path, text);
  }
  void Install(const std::string& folder, const std::string& version) {
    Write(folder + "/gunicorn-" + version + ".dist-info/METADATA");
  }
  // As a shell finds it; Debian's stands beside it, with its setproctitle.
  void Start(const std::string& name) {
    const std::uint64_t vector[] = {6, 4096, 31, 8, 0, 0};
    proc_.WriteFile(
        "10/auxv",
        std::string_view(reinterpret_cast<const char*>(vector), sizeof vector));
    proc_.WriteFile("10/mem", std::string(8, 'x') + name + '\0' + "xxx");
    std::filesystem::create_symlink("/usr/bin/python3.11",
                                    proc_.root() + "/10/exe");
    Write("/usr/bin/python3");
    Write("/usr/bin/gunicorn", "#!/usr/bin/python3\n");
    Install("/usr/lib/python3/dist-packages", "20.1.0");
    proc_.WriteFile("10/cmdline", "gunicorn: master [shop]");
  }
  void MakeVenv(const std::string& folder, bool system) {
    Write(folder + "/bin/python3");
    Write(folder + "/bin/gunicorn", "#!" + folder + "/bin/python3 -I\nrun()");
    Write(folder + "/pyvenv.cfg",
          std::string("home = /usr/bin\ninclude-system-site-packages = ") +
              (system ? "true" : "false") + "\nversion = 3.11.2\n");
  }

  FakeProc proc_;
};

constexpr const char* kPackages = "/lib/python3.11/site-packages";

TEST_F(ReadVersionTest, IsDebiansWhereThatWasStarted) {
  Start("/usr/bin/gunicorn");
  EXPECT_EQ(Read(), "20.1.0");
  Install("/usr/local/lib/python3.11/dist-packages", "22.0.0");
  EXPECT_EQ(Read(), "22.0.0") << "it stands before Debian's";
  using std::string_literals::operator""s;
  proc_.WriteFile("10/environ", "HOME=/home/u\0PYTHONPATH=:rel:/srv/lib\0"s);
  Install("/home/u/.local" + std::string(kPackages), "22.1.0");
  EXPECT_EQ(Read(), "22.1.0");
  Install("/srv/lib", "22.2.0");
  EXPECT_EQ(Read(), "22.2.0");
}

TEST_F(ReadVersionTest, IsTheUsersWhoseScriptItIs) {
  Start("/home/u/.local/bin/gunicorn");
  Write("/home/u/.local/bin/gunicorn", "#!/usr/bin/python3\n");
  Install("/home/u/.local" + std::string(kPackages), "22.1.0");
  EXPECT_EQ(Read(), "22.1.0");
}

TEST_F(ReadVersionTest, IsThatOfTheVirtualEnvironment) {
  for (const char* started : {"/srv/venv/bin/gunicorn", "/srv/venv/bin/python3",
                              "venv/bin/gunicorn", "/usr/local/bin/link"}) {
    Start(started);
    MakeVenv("/srv/venv", true);
    Write("/usr/local/bin/link", "#! /srv/venv/bin/python3\n");
    std::filesystem::create_symlink("/srv", proc_.root() + "/10/cwd");
    EXPECT_EQ(Read(), "20.1.0") << started << " uses the system's";
    Install(std::string("/srv/venv") + kPackages, "23.0.0");
    EXPECT_EQ(Read(), "23.0.0") << started;
    proc_.Remove(10);
  }
}

TEST_F(ReadVersionTest, IsEmptyRatherThanAnotherInstallations) {
  Start("/srv/venv/bin/gunicorn");
  EXPECT_EQ(Read(), "") << "gone";
  MakeVenv("/srv/venv", false);
  EXPECT_EQ(Read(), "");
  Install("/srv/venv/lib/python3.9/site-packages", "19.0.0");
  EXPECT_EQ(Read(), "");
}

TEST_F(ReadVersionTest, IsEmptyWhereThePackageThatRunsHasNoMetadata) {
  Start("/usr/bin/gunicorn");
  proc_.WriteFile("10/environ", "PYTHONPATH=/srv/lib");
  Write("/srv/lib/gunicorn/__init__.py");
  EXPECT_EQ(Read(), "") << "not Debian's";
  Install("/srv/lib", "26.2.2");
  EXPECT_EQ(Read(), "26.2.2");
}

TEST_F(ReadVersionTest, IsThatOfTheCommandLineWithoutTheMemory) {
  Start("");
  MakeVenv("/srv/venv", false);
  Install(std::string("/srv/venv") + kPackages, "23.0.0");
  EXPECT_EQ(Read(), "") << "a title";
  std::filesystem::remove(proc_.root() + "/10/auxv");
  proc_.WriteFile("10/cmdline", std::string("/srv/venv/bin/python3\0-m", 24));
  EXPECT_EQ(Read(), "23.0.0");
  proc_.WriteFile("10/cmdline", std::string("python3\0-m", 10));
  EXPECT_EQ(Read(), "");
}

TEST_F(ReadVersionTest, FollowsNoLinkOutOfTheProcessesRoot) {
  Start("/usr/bin/gunicorn");
  proc_.WriteFile("outside/gunicorn-6.6.6.dist-info/METADATA", "");
  const std::string packages =
      proc_.root() + "/10/root/usr/lib/python3/dist-packages";
  std::filesystem::remove_all(packages);
  std::filesystem::create_directory_symlink(proc_.root() + "/outside",
                                            packages);
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
