#include "collectors/process/sockets/lost_requests.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace gunicorn_exporter {
namespace {

TEST(HasEndedInBadOrder, TellsItByTheStatus) {
  const struct {
    int status;
    bool bad;
  } kCases[] = {
      {W_EXITCODE(0, 0), false},      {W_EXITCODE(1, 0), true},
      {W_EXITCODE(0, SIGKILL), true}, {W_EXITCODE(0, SIGSEGV), true},
      {W_EXITCODE(0, SIGABRT), true}, {W_EXITCODE(0, SIGTERM), false},
      {W_EXITCODE(0, SIGINT), false}, {W_EXITCODE(0, SIGQUIT), false},
  };
  for (const auto& [status, bad] : kCases) {
    EXPECT_EQ(HasEndedInBadOrder(status), bad) << status;
  }
}

// Real processes: children that end as they are told.
class LostRequestsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!KernelTellsProcessEnds()) GTEST_SKIP() << "needs Linux 6.15";
    worker_.pid = fork();
    if (worker_.pid == 0) {
      pause();
      _exit(0);
    }
    living_[worker_];
  }
  void TearDown() override { End(SIGKILL); }

  void Watch(std::size_t requests, std::optional<bool> has_heartbeat = true,
             std::size_t untold = 0) {
    std::map<AppId, AppSockets> sockets;
    HeldByWorker& held = sockets[kApp].by_worker[worker_];
    held.requests.count = requests;
    held.requests.untold = untold;
    held.has_heartbeat = has_heartbeat;
    lost_.Watch(sockets, living_);
  }
  void End(int signal) {
    if (worker_.pid <= 0) return;
    kill(worker_.pid, signal);
    waitpid(worker_.pid, nullptr, 0);
    worker_.pid = 0;
  }
  std::uint64_t Lost() {
    const auto lost = lost_.Take(living_);
    return lost.contains(kApp) ? lost.at(kApp) : 0;
  }

  const AppId kApp{"shop", "", ""};
  ProcessKey worker_;
  std::map<ProcessKey, TrackedProcess> living_;
  LostRequests lost_;
};

TEST_F(LostRequestsTest, TakesAWorkerThatIsNotLookedAtForNoneThatExits) {
  Watch(1);
  Watch(0);
  Watch(0, std::nullopt);
  living_.clear();
  End(SIGKILL);
  EXPECT_EQ(Lost(), 0U);
}

TEST_F(LostRequestsTest, CountsThoseOfAWorkerThatIsKilledOnce) {
  Watch(1);
  Watch(2);
  EXPECT_EQ(Lost(), 0U);
  living_.clear();
  End(SIGKILL);
  EXPECT_EQ(Lost(), 2U);
  EXPECT_EQ(Lost(), 0U);
}

TEST_F(LostRequestsTest, WaitsForTheParentThatWaitsForTheWorker) {
  Watch(1);
  living_.clear();
  kill(worker_.pid, SIGKILL);
  EXPECT_EQ(Lost(), 0U);
  lost_.Watch({}, living_);
  End(SIGKILL);
  EXPECT_EQ(Lost(), 1U);
}

TEST_F(LostRequestsTest, CountsNoneOfAWorkerThatHasAnswered) {
  Watch(1);
  Watch(0);
  living_.clear();
  End(SIGKILL);
  EXPECT_EQ(Lost(), 0U);
}

TEST_F(LostRequestsTest, CountsNoneThatMayHaveBeenAnswered) {
  Watch(3, true, 3);
  Watch(3, true, 2);
  living_.clear();
  End(SIGKILL);
  EXPECT_EQ(Lost(), 1U);
}

TEST_F(LostRequestsTest, CountsWhatAnExitingWorkerHadInHandBefore) {
  Watch(2);
  Watch(0, false);  // It has closed its connections and its heartbeat file,
  Watch(0, false);  // and takes its time to end.
  living_.clear();
  End(SIGKILL);
  EXPECT_EQ(Lost(), 2U);
}

TEST_F(LostRequestsTest, CountsThemWhenSeenBetweenConnectionsAndHeartbeatFile) {
  Watch(2);
  Watch(0);
  Watch(0, false);
  living_.clear();
  End(SIGKILL);
  EXPECT_EQ(Lost(), 2U);
}

TEST_F(LostRequestsTest, CountsNoneThatWereAnsweredBeforeAWorkerExits) {
  Watch(2);
  Watch(0);
  Watch(0);
  Watch(0, false);
  living_.clear();
  End(SIGKILL);
  EXPECT_EQ(Lost(), 0U);
}

TEST_F(LostRequestsTest, CountsNoneOfAWorkerThatStopsInGoodOrder) {
  Watch(1);
  living_.clear();
  End(SIGTERM);
  EXPECT_EQ(Lost(), 0U);
}

}  // namespace
}  // namespace gunicorn_exporter
