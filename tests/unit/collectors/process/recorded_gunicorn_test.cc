// What the monitor says of process tables recorded from gunicorn 26.1
// (tests/fixtures/proc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "collectors/process/process_monitor.h"
#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Field;

// Copies a recorded table; fd.txt becomes the links that it lists.
void Load(FakeProc& proc, const std::string& name) {
  namespace fs = std::filesystem;
  const fs::path folder =
      fs::path(TESTS_DIR) / "fixtures/proc/gunicorn-26.1" / name;
  for (const auto& process : fs::directory_iterator(folder)) {
    const fs::path target = fs::path(proc.root()) / process.path().filename();
    fs::copy(process.path(), target, fs::copy_options::recursive);
    fs::create_directories(target / "fd");
    std::ifstream list(target / "fd.txt");
    // 5 -> socket:[376021] mtime=0.000 ctime=0.000
    for (std::string line; std::getline(list, line);) {
      std::istringstream words(line);
      std::string fd;
      std::string arrow;
      std::string link;
      words >> fd >> arrow >> link;
      fs::create_symlink(link, target / "fd" / fd);
    }
  }
}

AppView ViewOf(const std::string& name) {
  FakeProc proc;
  Load(proc, name);
  prometheus::Registry registry;
  ProcessMonitor monitor(Config{}, ProcessPaths{proc.root(), ""}, registry);
  monitor.Scan();
  monitor.Sample();
  const ProcessView view = monitor.View(true);
  EXPECT_EQ(view.apps.size(), 1U);
  return view.apps.at(0);
}

TEST(RecordedGunicorn, HasThreeSyncWorkersWorkingAndFiveQueued) {
  const AppView app = ViewOf("sync/five-more-sent");
  EXPECT_EQ(app.status.message,
            "my_app: 1 master, 0 idle and 3 working workers");
  EXPECT_EQ(app.connections, 3U);
  ASSERT_EQ(app.listen_queues.size(), 1U);
  EXPECT_EQ(app.listen_queues[0].address, "127.0.0.1:52637");
  EXPECT_EQ(app.listen_queues[0].length, 5U);
  EXPECT_EQ(app.listen_overflows, 0U);
  EXPECT_THAT(app.workers, Each(Field(&WorkerView::connections, 1U)));
}

TEST(RecordedGunicorn, HasWorkingThreadedWorkers) {
  const AppView app = ViewOf("gthread/three-requests-held");
  EXPECT_EQ(app.connections, 3U);
  EXPECT_GE(app.status.working, 1U);
  EXPECT_EQ(app.status.working + app.status.idle, 3U);
}

TEST(RecordedGunicorn, TellsDirtyWorkersApart) {
  const AppView app = ViewOf("dirty/idle");
  EXPECT_EQ(app.status.message,
            "my_app: 1 master, 3 idle and 0 working workers");
  EXPECT_TRUE(app.dirty_arbiter);
  EXPECT_EQ(app.dirty_workers, 2U);
}

TEST(RecordedGunicorn, IsFoundWithoutATitle) {
  const AppView app = ViewOf("no-title/idle");
  EXPECT_FALSE(app.status.titled);
  EXPECT_EQ(app.status.message,
            "my_app: 1 master, 3 idle and 0 working workers");
}

TEST(RecordedGunicorn, SumsMemoryAndDescriptors) {
  const AppView app = ViewOf("sync/five-more-sent");
  const RoleView& master = app.roles.at(0);
  EXPECT_EQ(master.resident_bytes, 6435U * 4096);
  EXPECT_GT(master.proportional_bytes.value_or(0), 0U);
  EXPECT_EQ(master.open_fds, 10U);
}

}  // namespace
}  // namespace gunicorn_exporter
