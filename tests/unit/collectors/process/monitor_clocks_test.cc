#include "collectors/process/monitor_clocks.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

class BootTimeTest : public testing::Test {
 protected:
  double unix_seconds_ = 1.7e9;
  double boot_seconds_ = 100;
  const MonitorClocks clocks_{
      [] { return std::chrono::steady_clock::now(); }, [] { return 0.0; },
      [this] { return unix_seconds_; }, [this] { return boot_seconds_; },
      [] { return 0.0; }};
};

TEST_F(BootTimeTest, IsWhatTheKernelToldWhileTheClocksGoTogether) {
  const BootTime boot(1'699'999'900, clocks_);
  unix_seconds_ += 3600.3;
  boot_seconds_ += 3600;
  EXPECT_EQ(boot.UnixSeconds(clocks_), 1'699'999'900);
}

TEST_F(BootTimeTest, MovesWithAClockThatIsSet) {
  unix_seconds_ = 20;  // No battery, no NTP yet.
  const BootTime boot(1, clocks_);
  unix_seconds_ = 1.7e9;
  EXPECT_NEAR(boot.UnixSeconds(clocks_), 1.7e9 - 19, 1e-3);
  unix_seconds_ = 1.6e9;
  EXPECT_NEAR(boot.UnixSeconds(clocks_), 1.6e9 - 19, 1e-3);
}

TEST_F(BootTimeTest, StaysUnknown) {
  const BootTime boot(0, clocks_);
  unix_seconds_ += 3600;
  EXPECT_EQ(boot.UnixSeconds(clocks_), 0);
}

}  // namespace
}  // namespace gunicorn_exporter
