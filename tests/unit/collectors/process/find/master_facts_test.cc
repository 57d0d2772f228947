// What is read of a master once, and of which masters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/process/process_monitor.h"
#include "tests/support/fake_proc.h"
#include "tests/support/read_error_counts.h"

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class MasterFactsTest : public testing::Test {
 protected:
  // A read of its cgroup fails, and so is counted.
  void AddMaster(pid_t pid, const std::string& app) {
    proc_.SetTitled(pid, 1, "gunicorn: master [" + app + "]");
    proc_.WriteFile(std::to_string(pid) + "/cgroup/is a folder", "");
  }

  FakeProc proc_;
  prometheus::Registry registry_;
};

TEST_F(MasterFactsTest, AreReadOnce) {
  AddMaster(10, "my_app");
  ProcessMonitor monitor(Config{}, ProcessPaths{proc_.root(), ""}, registry_);
  monitor.Scan();
  monitor.Scan();
  EXPECT_THAT(ReadErrorCounts(registry_),
              ElementsAre(Pair(Pair("cgroup", "other"), 1)));
}

TEST_F(MasterFactsTest, AreNotReadOfAGunicornThatNoInstanceNames) {
  Config config;
  config.instances.push_back({"my_app", {}, "", ""});
  config.discovery.enabled = false;
  AddMaster(20, "other");
  ProcessMonitor monitor(config, ProcessPaths{proc_.root(), ""}, registry_);
  monitor.Scan();
  EXPECT_THAT(ReadErrorCounts(registry_), IsEmpty());
}

}  // namespace
}  // namespace gunicorn_exporter
