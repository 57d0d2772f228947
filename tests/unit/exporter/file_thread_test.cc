#include "exporter/file_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

namespace gunicorn_exporter {
namespace {

constexpr auto kEver = FileThread::Clock::time_point::max();

// A task that runs until it is let go.
class Hang {
 public:
  std::function<void()> Task() {
    return [this, gate = go_on_.get_future().share()] {
      begun_.set_value();
      gate.wait();
    };
  }
  void WaitForItsBegin() { begun_.get_future().wait(); }
  void End() { go_on_.set_value(); }

 private:
  std::promise<void> begun_;
  std::promise<void> go_on_;
};

TEST(FileThread, RunsOneTaskAfterTheOther) {
  FileThread thread;
  int runs = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(thread.Run([&] { ++runs; }, kEver));
    EXPECT_EQ(runs, i + 1);
  }
  EXPECT_TRUE(thread.IsIdle(kEver));
}

TEST(FileThread, RunsTheTasksOfSeveralThreads) {
  FileThread thread;
  int runs = 0;  // Guarded by there being one thread.
  std::vector<std::future<bool>> callers;
  for (int i = 0; i < 8; ++i) {
    callers.push_back(std::async(std::launch::async, [&] {
      return thread.Run([&] { ++runs; }, kEver);
    }));
  }
  for (auto& caller : callers) EXPECT_TRUE(caller.get());
  EXPECT_EQ(runs, 8);
}

TEST(FileThread, WaitsForNothingThatHangsPastTheDeadline) {
  FileThread thread;
  Hang hang;
  auto caller = std::async(std::launch::async,
                           [&] { return thread.Run(hang.Task(), kEver); });
  hang.WaitForItsBegin();
  bool ran = false;
  const auto now = FileThread::Clock::now();
  EXPECT_FALSE(thread.Run([&] { ran = true; }, now));
  EXPECT_FALSE(thread.IsIdle(now));
  hang.End();
  EXPECT_TRUE(caller.get());
  EXPECT_TRUE(thread.IsIdle(kEver));
  EXPECT_FALSE(ran);
  EXPECT_TRUE(thread.Run([&] { ran = true; }, kEver));
  EXPECT_TRUE(ran);
}

TEST(FileThread, EndsATaskThatNobodyWaitsForAnyMore) {
  auto thread = std::make_unique<FileThread>();
  Hang hang;
  const auto ended = std::make_shared<std::atomic<bool>>(false);
  const auto task = [ended, run = hang.Task()] {
    run();
    *ended = true;
  };
  // Begun or not begun: it may be either when the time is over.
  while (thread->IsIdle(FileThread::Clock::now())) {
    EXPECT_FALSE(thread->Run(
        task, FileThread::Clock::now() + std::chrono::milliseconds(50)));
  }
  hang.End();
  thread.reset();
  EXPECT_TRUE(*ended);
}

}  // namespace
}  // namespace gunicorn_exporter
