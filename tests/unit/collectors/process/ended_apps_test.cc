#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/process/process_monitor.h"
#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;

TEST(EndedApps, AreThoseWithoutAMasterInTheWholeTable) {
  FakeProc proc;
  prometheus::Registry registry;
  const auto set_master = [&](pid_t pid) {
    proc.SetTitled(pid, 1, "gunicorn: master [my_app]");
  };
  set_master(10);
  set_master(20);
  ProcessMonitor monitor(Config(), ProcessPaths{proc.root(), ""}, registry);
  const auto ended = [&] {
    monitor.Scan();
    return monitor.TakeEnded();
  };
  EXPECT_THAT(ended(), ElementsAre());
  proc.Remove(10);
  EXPECT_THAT(ended(), ElementsAre());  // There is another one.
  proc.Remove(20);
  // A look at the known processes alone does not see the next master.
  monitor.Sample();
  EXPECT_THAT(monitor.TakeEnded(), ElementsAre());
  set_master(30);
  EXPECT_THAT(ended(), ElementsAre());
  proc.Remove(30);
  EXPECT_THAT(ended(), ElementsAre(AppId{"my_app", "", ""}));
  EXPECT_THAT(ended(), ElementsAre());
}

}  // namespace
}  // namespace gunicorn_exporter
