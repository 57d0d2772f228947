#include "collectors/process/find/gunicorn_app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {
namespace {

using testing::UnorderedElementsAre;

ProcessSnapshot Titled(pid_t pid, pid_t ppid, TitleKind kind,
                       const std::string& app) {
  ProcessSnapshot process;
  process.key = {pid, static_cast<std::uint64_t>(pid)};
  process.ppid = ppid;
  process.title = kind;
  process.title_app = app;
  return process;
}

ProcessSnapshot Master(pid_t pid, pid_t ppid, const std::string& app) {
  return Titled(pid, ppid, TitleKind::kMaster, app);
}

ProcessSnapshot Worker(pid_t pid, pid_t ppid, const std::string& app) {
  return Titled(pid, ppid, TitleKind::kWorker, app);
}

ProcessSnapshot Untitled(pid_t pid, pid_t ppid, bool forked_only,
                         const std::string& cmdline = "my_app") {
  ProcessSnapshot process;
  process.key = {pid, static_cast<std::uint64_t>(pid)};
  process.ppid = ppid;
  process.forked_only = forked_only;
  process.caught_signals = forked_only ? kWorkersSignals : kMastersSignals;
  process.cmdline = cmdline;
  process.command.emplace();
  process.command->name = cmdline;
  return process;
}

ProcessSnapshot OwnTitle(pid_t pid, pid_t ppid, const std::string& title) {
  ProcessSnapshot process;
  process.key = {pid, static_cast<std::uint64_t>(pid)};
  process.ppid = ppid;
  process.forked_only = true;
  process.cmdline = title;
  return process;
}

// "PID APP ROLE", with "upgrading" where it is.
std::vector<std::string> Describe(
    const std::vector<ProcessSnapshot>& candidates,
    const KnownGunicorns& known = {}) {
  std::vector<std::string> lines;
  for (const GunicornProcess& found : FindGunicorns(candidates, known)) {
    constexpr const char* kRoles[] = {"master", "worker", "orphan",
                                      "dirty-arbiter", "dirty-worker"};
    lines.push_back(std::to_string(found.process.key.pid) + " " + found.app +
                    " " + kRoles[static_cast<int>(found.role)] +
                    (found.upgrading ? " upgrading" : ""));
  }
  return lines;
}

TEST(GunicornApp, FindsAMasterAndItsWorkersByTitle) {
  EXPECT_THAT(Describe({Master(10, 1, "a"), Worker(11, 10, "a"),
                        Worker(12, 10, "a"), Master(20, 1, "b")}),
              UnorderedElementsAre("10 a master", "11 a worker", "12 a worker",
                                   "20 b master"));
}

// As a framework's hook sets it in post_worker_init, or for each request.
TEST(GunicornApp, FindsWorkersWithTitlesOfTheirOwn) {
  EXPECT_THAT(
      Describe({Master(10, 1, "a"),
                OwnTitle(11, 10, "[ready] gunicorn: worker [a]"),
                OwnTitle(12, 10, "gunicorn -> /cart"), Worker(13, 10, "a")}),
      UnorderedElementsAre("10 a master", "11 a worker", "12 a worker",
                           "13 a worker"));
  ProcessSnapshot program = OwnTitle(14, 10, "ffmpeg -i film");
  program.forked_only = false;
  EXPECT_THAT(Describe({Master(10, 1, "a"), program}),
              UnorderedElementsAre("10 a master"));
}

// HUP and USR2 are the master's own; a worker resets them first of all.
TEST(GunicornApp, LeavesOutAHelperThatHasTheMastersSignalHandlers) {
  ProcessSnapshot untitled = Untitled(12, 10, true);
  untitled.caught_signals = kMastersSignals;
  const ProcessSnapshot worker = Untitled(11, 10, true);
  EXPECT_THAT(Describe({Untitled(10, 1, false), worker, untitled}),
              UnorderedElementsAre("10 my_app master", "11 my_app worker"));
  ProcessSnapshot helper = OwnTitle(12, 10, "my helper");
  helper.caught_signals = kMastersSignals;
  EXPECT_THAT(Describe({Master(10, 1, "a"), helper}),
              UnorderedElementsAre("10 a master"));
}

// As an app that is preloaded forks it off: the master has no handlers yet.
TEST(GunicornApp, LeavesOutAHelperFromBeforeTheMasterHadSignalHandlers) {
  ProcessSnapshot helper = Untitled(12, 10, true);
  helper.caught_signals = 0x100000000;
  EXPECT_THAT(
      Describe({Untitled(10, 1, false), Untitled(11, 10, true), helper}),
      UnorderedElementsAre("10 my_app master", "11 my_app worker"));
  EXPECT_THAT(Describe({Master(10, 1, "my_app"), helper}),
              UnorderedElementsAre("10 my_app master"));
}

TEST(GunicornApp, CallsAWorkerThatOutlivedItsMasterAnOrphan) {
  EXPECT_THAT(Describe({Worker(11, 1, "a")}),
              UnorderedElementsAre("11 a orphan"));
  EXPECT_THAT(Describe({Worker(11, 1, "a"), Worker(12, 11, "a")}),
              UnorderedElementsAre("11 a orphan"))
      << "its child is nobody";
  EXPECT_THAT(Describe({OwnTitle(11, 1, "shop worker 3")},
                       {{}, {{{11, 11}, "shop"}}, {}}),
              UnorderedElementsAre("11 shop orphan"));
}

TEST(GunicornApp, KnowsAMasterByItsSignalHandlersWhateverItCallsItself) {
  ProcessSnapshot master = OwnTitle(10, 1, "shop master");
  master.caught_signals = kMastersSignals;
  const ProcessSnapshot worker = OwnTitle(11, 10, "shop worker");
  EXPECT_THAT(
      Describe({master, worker}, {{}, {{{11, 11}, "a"}}, {{{10, 10}, "a"}}}),
      UnorderedElementsAre("10 a master", "11 a worker"));
  EXPECT_THAT(Describe({master, worker}, {{{{10, 10}, "a"}}, {}, {}}),
              UnorderedElementsAre("10 a master upgrading", "11 a worker"));
  EXPECT_THAT(Describe({master, worker}), UnorderedElementsAre());
  master.caught_signals = 0;
  EXPECT_THAT(Describe({master}, {{}, {}, {{{10, 10}, "a"}}}),
              UnorderedElementsAre())
      << "another program by now";
}

TEST(GunicornApp, NamesAMasterWithATitleOfItsOwnByItsWorkers) {
  ProcessSnapshot master = OwnTitle(10, 1, "shop master");
  master.caught_signals = kMastersSignals;
  EXPECT_THAT(
      Describe({master, OwnTitle(11, 10, "shop worker"), Worker(12, 10, "a")}),
      UnorderedElementsAre("10 a master", "11 a worker", "12 a worker"));
  EXPECT_THAT(Describe({master, Untitled(12, 10, true)}),
              UnorderedElementsAre("10 my_app master", "12 my_app worker"));
}

TEST(GunicornApp, TellsAnUntitledOrphanFromAMasterInTheBackground) {
  const ProcessSnapshot orphan = Untitled(11, 1, true);
  ProcessSnapshot daemon = Untitled(12, 1, true);
  daemon.caught_signals = kMastersSignals;
  EXPECT_THAT(Describe({orphan, daemon}),
              UnorderedElementsAre("11 my_app orphan", "12 my_app master"));
}

TEST(GunicornApp, LeavesOutZombies) {
  ProcessSnapshot zombie = Worker(11, 10, "a");
  zombie.zombie = true;
  EXPECT_THAT(Describe({Master(10, 1, "a"), zombie}),
              UnorderedElementsAre("10 a master"));
}

TEST(GunicornApp, TakesAChildWithItsMastersTitleForNobody) {
  EXPECT_THAT(Describe({Master(10, 1, "a"), Master(11, 10, "a")}),
              UnorderedElementsAre("10 a master"));
}

TEST(GunicornApp, CountsAnUpgradingMasterToItsApp) {
  EXPECT_THAT(Describe({Master(10, 1, "a"), Worker(11, 10, "a"),
                        Master(12, 10, "a.2"), Worker(13, 12, "a.2")}),
              UnorderedElementsAre("10 a master", "11 a worker",
                                   "12 a master upgrading", "13 a worker"));
}

TEST(GunicornApp, KeepsTheAppOfAnUpgradingMasterWhenTheOldOneHasGone) {
  EXPECT_THAT(Describe({Master(12, 1, "a.2"), Worker(13, 12, "a.2")},
                       {{{{12, 12}, "a"}}, {}, {}}),
              UnorderedElementsAre("12 a master upgrading", "13 a worker"));
}

TEST(GunicornApp, IsNotUpgradingOnceItHasTheNameItself) {
  EXPECT_THAT(Describe({Master(12, 1, "a")}, {{{{12, 12}, "a"}}, {}, {}}),
              UnorderedElementsAre("12 a master"));
}

TEST(GunicornApp, LetsAnAppBeCalledDotTwo) {
  EXPECT_THAT(Describe({Master(10, 1, "a"), Master(12, 1, "a.2")}),
              UnorderedElementsAre("10 a master", "12 a.2 master"));
}

TEST(GunicornApp, TellsDirtyProcessesFromWorkers) {
  EXPECT_THAT(
      Describe(
          {Master(10, 1, "a"), Titled(11, 10, TitleKind::kDirtyArbiter, ""),
           Titled(12, 11, TitleKind::kDirtyWorker, "a"), Worker(13, 10, "a")}),
      UnorderedElementsAre("10 a master", "11 a dirty-arbiter",
                           "12 a dirty-worker", "13 a worker"));
}

TEST(GunicornApp, LeavesOutChildrenOfWorkers) {
  EXPECT_THAT(
      Describe({Master(10, 1, "a"), Worker(11, 10, "a"), Worker(12, 11, "a")}),
      UnorderedElementsAre("10 a master", "11 a worker"));
}

TEST(GunicornApp, LeavesOutANextMasterThatIsStillImporting) {
  EXPECT_THAT(Describe({Master(10, 1, "a"), Untitled(12, 10, false, "a")}),
              UnorderedElementsAre("10 a master"));
}

TEST(GunicornApp, FindsWorkersWhenTitlesAreNotSet) {
  EXPECT_THAT(Describe({Untitled(10, 1, false), Untitled(11, 10, true),
                        Untitled(12, 10, true)}),
              UnorderedElementsAre("10 my_app master", "11 my_app worker",
                                   "12 my_app worker"));
}

TEST(GunicornApp, FindsAnUpgradeWhenTitlesAreNotSet) {
  EXPECT_THAT(
      Describe({Untitled(10, 1, false), Untitled(11, 10, true),
                Untitled(12, 10, false), Untitled(13, 12, true)}),
      UnorderedElementsAre("10 my_app master", "11 my_app worker",
                           "12 my_app master upgrading", "13 my_app worker"));
}

TEST(GunicornApp, LeavesOutAnUntitledWorkersChild) {
  EXPECT_THAT(Describe({Untitled(10, 1, false), Untitled(11, 10, true),
                        Untitled(12, 11, true)}),
              UnorderedElementsAre("10 my_app master", "11 my_app worker"));
}

TEST(GunicornApp, FindsAnUntitledDirtyArbiterByItsChildren) {
  std::vector<ProcessSnapshot> processes = {
      Untitled(10, 1, false), Untitled(11, 10, true), Untitled(12, 11, true),
      Untitled(13, 10, true)};
  for (ProcessSnapshot& process : processes) process.command->dirty = true;
  EXPECT_THAT(
      Describe(processes),
      UnorderedElementsAre("10 my_app master", "11 my_app dirty-arbiter",
                           "12 my_app dirty-worker", "13 my_app worker"));
}

TEST(GunicornApp, TakesMastersOfOneNameForOneApp) {
  EXPECT_THAT(Describe({Master(10, 1, "a"), Worker(11, 10, "a"),
                        Master(20, 1, "a"), Worker(21, 20, "a")}),
              UnorderedElementsAre("10 a master", "11 a worker", "20 a master",
                                   "21 a worker"));
}

}  // namespace
}  // namespace gunicorn_exporter
