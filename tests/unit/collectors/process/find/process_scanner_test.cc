#include "collectors/process/find/process_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

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
    ProcReader reader(proc_.root(), errors_);
    std::vector<std::string> apps;
    for (const auto& process : ProcessScanner(reader).ScanAll().candidates) {
      apps.push_back(process.command ? process.command->name
                                     : process.title_app);
    }
    return apps;
  }

  FakeProc proc_;
  prometheus::Registry registry_;
  ReadErrors errors_{registry_};
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
  ProcReader reader(proc_.root(), errors_);
  const auto found = ProcessScanner(reader).LookAt(10);
  ASSERT_TRUE(found && found->command);
  EXPECT_EQ(found->command->name, "shop");
  EXPECT_EQ(found->command->worker_class, "gthread");
  EXPECT_TRUE(found->command->dirty);
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

TEST_F(ProcessScannerTest, ListsMoreChildrenThanTheKernelGivesAtOneRead) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<pid_t> children;
  for (std::size_t bytes = 0; bytes < 2 * page;) {
    const pid_t child = fork();
    if (child == 0) _exit(0);  // It is listed until it is waited for.
    ASSERT_GT(child, 0);
    children.push_back(child);
    bytes += std::to_string(child).size() + 1;
  }
  ProcReader reader("/proc", errors_);
  EXPECT_EQ(ProcessScanner(reader).Children(getpid()), children);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace gunicorn_exporter
