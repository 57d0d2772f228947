#include "collectors/process/find/heartbeat.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

TEST(HeartbeatAge, TakesTheChangeTimeOfGunicorn20) {
  // Made at 1795325500, last touched 3 s ago.
  EXPECT_NEAR(HeartbeatAge({1795325500, 1795325564}, 7398, 1795325567), 3,
              1e-6);
}

TEST(HeartbeatAge, TakesTheMonotonicTimeOfLaterOnes) {
  EXPECT_NEAR(HeartbeatAge({7395.5, 1795325564}, 7398, 1795325567), 2.5, 1e-6);
  EXPECT_NEAR(HeartbeatAge({7395.5, 1795325564}, 7398, 1795999999), 2.5, 1e-6)
      << "whatever the time of day says";
}

TEST(HeartbeatAge, IsNeverNegative) {
  EXPECT_EQ(HeartbeatAge({1795325500, 1795325570}, 7398, 1795325567), 0);
}

TEST(IsHeartbeatFile, KnowsItByItsName) {
  EXPECT_TRUE(IsHeartbeatFile("/tmp/wgunicorn-ukt2ywa6 (deleted)"));
  EXPECT_TRUE(IsHeartbeatFile("/dev/shm/wgunicorn-ukt2ywa6 (deleted)"));
  EXPECT_FALSE(IsHeartbeatFile("/tmp/wgunicorn/x"));
  EXPECT_FALSE(IsHeartbeatFile("socket:[1]"));
}

}  // namespace
}  // namespace gunicorn_exporter
