#include "collectors/process/sockets/worker_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;

TEST(IsBurningCpu, TakesATickNowAndThenForAHeartbeat) {
  EXPECT_FALSE(IsBurningCpu(0, 1, 100));
  EXPECT_FALSE(IsBurningCpu(1, 1, 100));
  EXPECT_TRUE(IsBurningCpu(2, 1, 100));
  EXPECT_FALSE(IsBurningCpu(1, 0.2, 100)) << "what many heartbeats came to";
  EXPECT_TRUE(IsBurningCpu(2, 0.2, 100));
  EXPECT_TRUE(IsBurningCpu(1, 0.02, 100)) << "half of the time";
  EXPECT_FALSE(IsBurningCpu(10, 60, 100));
  EXPECT_FALSE(IsBurningCpu(10, 0, 100)) << "nothing to compare with";
}

TEST(TellWorkerSockets, KnowsASyncWorkerByItsMissingEpollSet) {
  const auto sockets = TellWorkerSockets(
      {{5, "socket:[10]"}, {7, "pipe:[1]"}, {9, "socket:[11]"}}, {}, {10, 11});
  EXPECT_EQ(sockets.kind, WorkerKind::kSync);
  EXPECT_THAT(sockets.inodes, ElementsAre(10, 11));
}

TEST(TellWorkerSockets, KnowsAThreadedWorkerByWhatItPolls) {
  const auto sockets = TellWorkerSockets({{5, "socket:[10]"},
                                          {7, "anon_inode:[eventpoll]"},
                                          {8, "pipe:[1]"},
                                          {9, "socket:[11]"},
                                          {10, "socket:[12]"}},
                                         {{5, 8, 9}}, {10, 11, 12});
  EXPECT_EQ(sockets.kind, WorkerKind::kPolling);
  EXPECT_THAT(sockets.registered, ElementsAre(10, 11));
}

TEST(TellWorkerSockets, KnowsAnEventLoopByWhatElseItPolls) {
  EXPECT_EQ(TellWorkerSockets(
                {{7, "anon_inode:[eventpoll]"}, {8, "anon_inode:[eventfd]"}},
                {{8}}, {})
                .kind,
            WorkerKind::kAsync);
  EXPECT_EQ(
      TellWorkerSockets({{7, "anon_inode:[eventpoll]"}, {9, "socket:[99]"}},
                        {{9}}, {10})
          .kind,
      WorkerKind::kAsync);
}

TEST(ParseEpollSet, TakesItsDescriptors) {
  EXPECT_THAT(ParseEpollSet("pos:\t0\nflags:\t02000002\n"
                            "tfd:       10 events:       19 data: a ino:1\n"
                            "tfd:        5 events:       19 data: 5\n"),
              ElementsAre(5, 10));
  EXPECT_THAT(ParseEpollSet("tfd:\ntfd: x\ntfd: 99999999999\n"), ElementsAre());
}

TEST(IsInHand, FollowsTheKindOfWorker) {
  const struct {
    ConnectionState exchange;
    WorkerKind kind;
    bool registered;
    bool in_hand;
  } table[] = {
      // A sync worker serves what it holds.
      {ConnectionState::kSilent, WorkerKind::kSync, false, true},
      {ConnectionState::kParked, WorkerKind::kSync, false, true},
      // A threaded one takes it off its epoll set meanwhile.
      {ConnectionState::kParked, WorkerKind::kPolling, false, true},
      {ConnectionState::kUnknown, WorkerKind::kPolling, true, false},
      {ConnectionState::kTie, WorkerKind::kPolling, true, false},
      {ConnectionState::kSilent, WorkerKind::kPolling, false, false},
      {ConnectionState::kInFlight, WorkerKind::kPolling, true, true},
      // Of an event loop, TCP tells.
      {ConnectionState::kInFlight, WorkerKind::kAsync, true, true},
      {ConnectionState::kParked, WorkerKind::kAsync, true, false},
      {ConnectionState::kTie, WorkerKind::kAsync, true, false},
      {ConnectionState::kUnknown, WorkerKind::kAsync, true, true},
      {ConnectionState::kSilent, WorkerKind::kAsync, true, false},
      // Where nothing else may be read, too.
      {ConnectionState::kInFlight, WorkerKind::kUnknown, true, true},
      {ConnectionState::kUnknown, WorkerKind::kUnknown, true, true},
      {ConnectionState::kParked, WorkerKind::kUnknown, true, false},
      {ConnectionState::kSilent, WorkerKind::kUnknown, true, false},
  };
  for (const auto& row : table)
    EXPECT_EQ(IsInHand(row.exchange, row.kind, row.registered), row.in_hand)
        << static_cast<int>(row.exchange) << static_cast<int>(row.kind);
}

}  // namespace
}  // namespace gunicorn_exporter
