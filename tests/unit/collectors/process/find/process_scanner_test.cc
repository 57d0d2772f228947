#include "collectors/process/find/process_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "collectors/process/find/gunicorn_app.h"
#include "tests/support/fake_proc.h"
#include "tests/support/read_error_counts.h"

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class ProcessScannerTest : public testing::Test {
 protected:
  // The names of the apps, as the scanner has them.
  std::vector<std::string> Apps() {
    ProcReader reader(proc_.root(), registry_);
    std::vector<std::string> apps;
    for (const auto& process : ProcessScanner(reader).Scan({}).candidates) {
      apps.push_back(process.command ? process.command->name
                                     : process.title_app);
    }
    return apps;
  }

  FakeProc proc_;
  prometheus::Registry registry_;
};

TEST_F(ProcessScannerTest, MakesANameValidUtf8) {
  proc_.SetTitled(10, 1, "gunicorn: master [shop\xff]");
  EXPECT_THAT(Apps(), ElementsAre("shop\uFFFD"));
  proc_.Remove(10);
  proc_.SetCommand(20, 1, "gunicorn -n shop\xfe app:app");
  EXPECT_THAT(Apps(), ElementsAre("shop\uFFFD"));
}

TEST_F(ProcessScannerTest, TakesANameOf4KiB) {
  const std::string name(4096, 'x');
  proc_.SetTitled(10, 1, "gunicorn: master [" + name + "]");
  EXPECT_THAT(Apps(), ElementsAre(name));
  EXPECT_TRUE(ReadErrorCounts(registry_).empty());
}

TEST_F(ProcessScannerTest, LeavesOutAndCountsANameThatIsTooLong) {
  const std::string name(4097, 'x');
  proc_.SetTitled(10, 1, "gunicorn: master [" + name + "]");
  proc_.SetCommand(20, 1, "gunicorn --name " + name + " app:app");
  EXPECT_THAT(Apps(), ElementsAre());
  EXPECT_THAT(ReadErrorCounts(registry_),
              ElementsAre(Pair(Pair("cmdline", "too_long"), 2)));
}

TEST_F(ProcessScannerTest, ReadsTheEnvironmentBesideANameOfTheCommandLine) {
  FakeProcess process;
  process.files["environ"] =
      std::string("GUNICORN_CMD_ARGS=--name other -k gthread --dirty-app a:A") +
      '\0';
  proc_.SetCommand(10, 1, "gunicorn --name shop app:app", process);
  ProcReader reader(proc_.root(), registry_);
  const auto found = ProcessScanner(reader).LookAt(10);
  ASSERT_TRUE(found && found->command);
  EXPECT_EQ(found->command->name, "shop");
  EXPECT_EQ(found->command->settings.worker_class, "gthread");
  EXPECT_TRUE(found->command->dirty);
}

// Which class its workers are of, a file may say.
TEST_F(ProcessScannerTest, TellsSlotsWithoutAClassOnlyWhereNoFileMayNameIt) {
  const auto slots = [&](const std::string& arguments,
                         const std::string& file) {
    FakeProcess process;
    if (!file.empty()) process.files[file] = "";
    proc_.SetCommand(10, 1, "gunicorn --threads 4 " + arguments, process);
    ProcReader reader(proc_.root(), registry_);
    const auto found = ProcessScanner(reader).LookAt(10);
    proc_.Remove(10);
    return found && found->command ? found->command->settings.slots : 0U;
  };
  EXPECT_EQ(slots("app:app", "cwd/app.py"), 4U);
  EXPECT_EQ(slots("app:app", "cwd/gunicorn.conf.py"), std::nullopt);
  EXPECT_EQ(slots("app:app", ""), std::nullopt) << "its folder is denied";
  EXPECT_EQ(slots("-k gthread app:app", "cwd/gunicorn.conf.py"), 4U);
}

TEST_F(ProcessScannerTest, CountsADeniedEnvironmentWhereItMayHaveTheName) {
  proc_.SetCommand(10, 1, "gunicorn --name shop app:app");
  proc_.WriteFile("10/environ/is a folder", "");
  EXPECT_THAT(Apps(), ElementsAre("shop"));
  EXPECT_THAT(ReadErrorCounts(registry_), IsEmpty());
  proc_.SetCommand(10, 1, "gunicorn app:app");
  proc_.WriteFile("10/environ/is a folder", "");
  EXPECT_THAT(Apps(), ElementsAre("app:app"));
  EXPECT_THAT(ReadErrorCounts(registry_),
              ElementsAre(Pair(Pair("environ", "other"), 1)));
}

// One scanner's scans, each some seconds after the one before.
class ProcessScansTest : public ProcessScannerTest {
 protected:
  ProcessTable Table(std::chrono::seconds pause = std::chrono::seconds(5)) {
    now_ += pause;
    return scanner_.Scan(now_);
  }
  std::size_t Scan() { return Table().candidates.size(); }

  // The scans until there is one.
  int ScansUntilFound() {
    for (int scans = 1; scans < 100; ++scans) {
      if (Scan() > 0) return scans;
    }
    return 100;
  }

  void ScanForAMinute() {
    for (int i = 0; i < 12; ++i) EXPECT_EQ(Scan(), 0U);
  }

  ProcReader reader_{proc_.root(), registry_};
  ProcessScanner scanner_{reader_};
  ProcessScanner::TimePoint now_{std::chrono::hours(1)};
};

TEST_F(ProcessScansTest, FindAtOnceWhoIsNewOrYoung) {
  ScanForAMinute();
  ScanForAMinute();
  proc_.SetTitled(10, 1, "gunicorn: master [shop]");
  EXPECT_EQ(Scan(), 1U);
  proc_.Remove(10);
  proc_.SetCommand(20, 1, "sh wait-for-db");
  for (int i = 0; i < 1000; ++i) Table(std::chrono::seconds(0));
  proc_.SetCommand(20, 1, "gunicorn app:app");
  EXPECT_EQ(Scan(), 1U);
}

TEST_F(ProcessScansTest, FindWhoBecomesAGunicornLaterInItsTurn) {
  int scans = 0;
  for (const pid_t pid : {20, 21, 22}) {
    proc_.SetCommand(pid, 1, "sh wait-for-db");
    ScanForAMinute();
    Scan();
    proc_.SetCommand(pid, 1, "gunicorn app:app");
    scans = std::max(scans, ScansUntilFound());
    proc_.Remove(pid);
  }
  EXPECT_LE(scans, 12);
  EXPECT_GT(scans, 1) << "the old are looked at each time";
}

TEST_F(ProcessScansTest, LookAtAllAfterALongPause) {
  const std::vector<pid_t> pids = {20, 21, 22};
  for (const pid_t pid : pids) proc_.SetCommand(pid, 1, "sh wait-for-db");
  ScanForAMinute();
  Scan();
  for (const pid_t pid : pids) proc_.SetCommand(pid, 1, "gunicorn app:app");
  EXPECT_EQ(Table(std::chrono::seconds(11)).candidates.size(), 3U);
}

TEST_F(ProcessScansTest, FindAnOldProcessByTheWorkersThatItStarts) {
  const std::vector<pid_t> pids = {20, 21, 22};
  for (const pid_t pid : pids) proc_.SetCommand(pid, 1, "sh wait-for-db");
  ScanForAMinute();
  Scan();
  for (const pid_t pid : pids) {
    proc_.SetTitled(pid, 1, "gunicorn: master [shop]");
    proc_.SetTitled(pid + 10, pid, "gunicorn: worker [shop]");
  }
  EXPECT_EQ(Scan(), 6U);
}

TEST_F(ProcessScansTest, SeeAGunicornThatIsNobodysEachTime) {
  proc_.SetTitled(10, 1, "gunicorn: master [shop]");
  proc_.SetCommand(20, 1, "sh");
  for (int i = 0; i < 40; ++i) EXPECT_EQ(Scan(), 1U);
}

TEST_F(ProcessScansTest, LookAgainAtWhoHasTheNumberOfOneThatWentBefore) {
  proc_.SetCommand(20, 1, "sh");
  ScanForAMinute();
  proc_.Remove(20);
  EXPECT_EQ(Scan(), 0U);
  proc_.SetCommand(20, 1, "gunicorn app:app");
  EXPECT_EQ(Scan(), 1U);
}

// A program that embeds gunicorn, a link to it of another name.
class UnnamedGunicornTest : public ProcessScansTest {
 protected:
  // A master of pid 10 and its worker 11, as proven as they can be.
  UnnamedGunicornTest() {
    master_.caught_signals = kMastersSignals;
    master_.files["task/10/children"] = "11 ";
    worker_.caught_signals = kWorkersSignals;
    worker_.forked_only = true;
  }

  std::vector<std::string> Unnamed(const std::string& command) {
    proc_.SetCommand(10, 1, command, master_);
    proc_.SetCommand(11, 10, command, worker_);
    ProcReader reader(proc_.root(), registry_);
    const ProcessTable table = ProcessScanner(reader).Scan({});
    EXPECT_THAT(FindGunicorns(table.candidates, {}), IsEmpty());
    std::vector<std::string> lines;
    for (const UnnamedGunicorn& gunicorn : table.unnamed) {
      lines.push_back(std::to_string(gunicorn.pid) + ": " +
                      gunicorn.command_line);
    }
    return lines;
  }

  FakeProcess master_;
  FakeProcess worker_;
};

TEST_F(UnnamedGunicornTest, IsFoundByItsSignalHandlersAndItsWorkers) {
  EXPECT_THAT(Unnamed("python3 serve.py --port 80"),
              ElementsAre("10: python3 serve.py --port 80"));
  EXPECT_THAT(Unnamed("/usr/bin/python3 /opt/bin/shop -w 2 app:app"),
              ElementsAre("10: /usr/bin/python3 /opt/bin/shop -w 2 app:app"));
}

TEST_F(UnnamedGunicornTest, IsAPython) {
  EXPECT_THAT(Unnamed("/opt/bin/server"), IsEmpty());
  master_.files["maps"] = "1-2 r-xp 0 0:1 1 /usr/lib/libpython3.11.so\n";
  EXPECT_THAT(Unnamed("/opt/bin/server"), ElementsAre("10: /opt/bin/server"));
}

TEST_F(UnnamedGunicornTest, IsNotCalledSoWithoutProof) {
  worker_.forked_only = false;
  EXPECT_THAT(Unnamed("python3 serve.py"), IsEmpty()) << "started, not forked";
  worker_.forked_only = true;
  worker_.caught_signals = kMastersSignals;
  EXPECT_THAT(Unnamed("python3 serve.py"), IsEmpty()) << "a mere fork";
  worker_.caught_signals = kWorkersSignals;
  worker_.state = 'Z';
  EXPECT_THAT(Unnamed("python3 serve.py"), IsEmpty()) << "no worker lives";
  worker_.state = 'S';
  master_.files["task/10/children"] = "";
  EXPECT_THAT(Unnamed("python3 serve.py"), IsEmpty()) << "another's worker";
  master_.files["task/10/children"] = "11 ";
  for (int signal = 0; signal < 31; ++signal) {
    const std::uint64_t bit = std::uint64_t{1} << signal;
    if ((kMastersSignals & bit) == 0) continue;
    master_.caught_signals = kMastersSignals & ~bit;
    EXPECT_THAT(Unnamed("python3 serve.py"), IsEmpty()) << signal + 1;
  }
}

// Its one worker may be between two lives.
TEST_F(UnnamedGunicornTest, IsWatchedForAMinuteAfterItWasNone) {
  const auto set = [this] {
    proc_.SetCommand(10, 1, "/opt/bin/server", master_);
    proc_.SetCommand(11, 10, "/opt/bin/server", worker_);
  };
  master_.files["maps"] = "1-2 r-xp 0 0:1 1 /usr/lib/libpython3.11.so\n";
  set();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(Table().unnamed.size(), 1U);
  worker_.caught_signals = 0;
  set();
  EXPECT_THAT(Table().unnamed, IsEmpty());
  worker_.caught_signals = kWorkersSignals;
  set();
  EXPECT_EQ(Table().unnamed.size(), 1U);
}

TEST_F(UnnamedGunicornTest, IsNoHelperOfATitledOne) {
  FakeProcess titled;
  titled.files["task/5/children"] = "10 ";
  proc_.SetTitled(5, 1, "gunicorn: master [shop]", titled);
  master_.forked_only = true;
  proc_.SetCommand(10, 5, "helper", master_);
  proc_.SetCommand(11, 10, "helper", worker_);
  ProcReader reader(proc_.root(), registry_);
  EXPECT_THAT(ProcessScanner(reader).Scan({}).unnamed, IsEmpty());
}

TEST_F(UnnamedGunicornTest, ShowsOneShortLineOfText) {
  const std::string odd("python3 a\xff\x1b\nb ");
  const auto lines = Unnamed(odd + std::string(1000, 'x'));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], testing::StartsWith("10: python3 a\uFFFD  b xxx"));
  EXPECT_LT(lines[0].size(), 220U);
}

TEST_F(ProcessScansTest, FindWhatAMasterHasForkedWhateverItCallsItself) {
  FakeProcess master;
  master.files["task/10/children"] = "11 12 13 ";
  proc_.SetTitled(10, 1, "gunicorn: master [shop]", master);
  proc_.SetTitled(11, 10, "gunicorn: worker [shop]");
  proc_.SetCommand(12, 10, "mailer");  // And 13 has ended since.
  EXPECT_EQ(Scan(), 3U);
}

TEST_F(ProcessScannerTest, ListsMoreChildrenThanTheKernelGivesAtOneRead) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<pid_t> children;
  for (std::size_t bytes = 0; bytes < 2 * page;) {
    const pid_t child = vfork();  // Copies no memory.
    if (child == 0) _exit(0);     // It is listed until it is waited for.
    ASSERT_GT(child, 0);
    children.push_back(child);
    bytes += std::to_string(child).size() + 1;
  }
  ProcReader reader("/proc", registry_);
  EXPECT_EQ(ProcessScanner(reader).Children(getpid()), children);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace gunicorn_exporter
