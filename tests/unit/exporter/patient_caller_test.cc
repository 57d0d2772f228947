#include "exporter/patient_caller.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;

constexpr auto kLong = std::chrono::minutes(1);
constexpr milliseconds kShort(20);

TEST(PatientCaller, WaitsForATaskThatEnds) {
  PatientCaller caller(kLong);
  int answer = 0;
  EXPECT_TRUE(caller.Run([&] { answer = 42; }));
  EXPECT_EQ(answer, 42);
  EXPECT_FALSE(caller.Hangs());
}

TEST(PatientCaller, GoesOnWithoutATaskThatHangs) {
  PatientCaller caller(kShort);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  EXPECT_FALSE(caller.Run([released] { released.wait(); }));
  EXPECT_TRUE(caller.Hangs());
  release.set_value();
  EXPECT_TRUE(caller.Drain(PatientCaller::Clock::now() + kLong));
}

TEST(PatientCaller, BeginsNothingWhileATaskHangs) {
  PatientCaller caller(kShort);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  EXPECT_FALSE(caller.Run([released] { released.wait(); }));
  const auto begun = std::make_shared<std::atomic<bool>>(false);
  EXPECT_FALSE(caller.Run([begun] { *begun = true; }));
  EXPECT_FALSE(caller.Drain(PatientCaller::Clock::now()));
  release.set_value();
  ASSERT_TRUE(caller.Drain(PatientCaller::Clock::now() + kLong));
  EXPECT_FALSE(*begun);
  // And all is as before.
  EXPECT_FALSE(caller.Hangs());
  caller.Run([begun] { *begun = true; });
  ASSERT_TRUE(caller.Drain(PatientCaller::Clock::now() + kLong));
  EXPECT_TRUE(*begun);
}

}  // namespace
}  // namespace gunicorn_exporter
