#include "collectors/process/sockets/worker_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;

TEST(IsBurningCpu, TakesATickNowAndThenForAHeartbeat) {
  EXPECT_FALSE(IsBurningCpu(0, 1, 100, kMoreThanHeartbeats));
  EXPECT_FALSE(IsBurningCpu(1, 1, 100, kMoreThanHeartbeats));
  EXPECT_TRUE(IsBurningCpu(2, 1, 100, kMoreThanHeartbeats));
  EXPECT_FALSE(IsBurningCpu(1, 0.2, 100, kMoreThanHeartbeats))
      << "what many heartbeats came to";
  EXPECT_TRUE(IsBurningCpu(2, 0.2, 100, kMoreThanHeartbeats));
  EXPECT_TRUE(IsBurningCpu(1, 0.02, 100, kMoreThanHeartbeats))
      << "half of the time";
  EXPECT_FALSE(IsBurningCpu(10, 60, 100, kMoreThanHeartbeats));
  EXPECT_FALSE(IsBurningCpu(10, 0, 100, kMoreThanHeartbeats))
      << "nothing to compare with";
}

TEST(IsBurningCpu, TakesAShareOfACpu) {
  EXPECT_FALSE(IsBurningCpu(49, 1, 100, kMoreThanBackground));
  EXPECT_TRUE(IsBurningCpu(50, 1, 100, kMoreThanBackground));
}

TEST(ToHeldSockets, KnowsASyncWorkerByItsMissingEpollSet) {
  const HeldSockets sync =
      ToHeldSockets({{5, "socket:[10]"}, {7, "pipe:[1]"}, {9, "socket:[11]"}});
  EXPECT_TRUE(sync.is_sync());
  EXPECT_THAT(sync.inodes, ElementsAre(10, 11));
  EXPECT_FALSE(
      ToHeldSockets({{5, "socket:[10]"}, {8, "anon_inode:[eventpoll]"}})
          .is_sync());
}

TEST(IsInHand, KnowsAConnectionThatIsWaitedFor) {
  using enum Attention;
  TcpSocket unix_connection;
  EXPECT_TRUE(IsInHand(unix_connection, nullptr, {}, false, kUnknown));
  EXPECT_FALSE(IsInHand(unix_connection, nullptr, {}, false, kAwaited));
}

TEST(IsInHand, FollowsWhatTheConnectionCarried) {
  using enum ConnectionState;
  const CarriedBytes before = {100, 500};
  const struct {
    const char* what;
    ConnectionState exchange;
    bool has_unsent;
    std::uint64_t received;
    std::uint64_t sent;
    bool is_sync;
    bool in_hand;
  } table[] = {
      {"nothing came yet", kSilent, false, 0, 0, false, false},
      {"nothing came yet, sync", kSilent, false, 0, 0, true, false},
      {"a request came", kInFlight, false, 100, 0, false, true},
      {"nothing is known of it", kUnknown, false, 0, 0, false, true},
      {"answered", kParked, false, 100, 500, false, false},
      {"answered, sync, not closed", kParked, false, 100, 500, true, true},
      {"the client reads slowly", kParked, true, 100, 500, false, true},
      {"streamed", kParked, false, 100, 600, false, true},
      {"asked and answered between samples", kParked, false, 200, 600, false,
       false},
      {"its body is awaited", kParked, false, 200, 525, false, true},
      {"its body is awaited, a tie", kTie, false, 200, 525, false, true},
      {"a short answer", kParked, false, 200, 526, false, false},
      {"a tie that is not settled", kTie, false, 100, 500, false, false},
  };
  for (const auto& row : table) {
    TcpSocket connection;
    connection.exchange = row.exchange;
    connection.has_unsent = row.has_unsent;
    connection.received = row.received;
    connection.sent = row.sent;
    EXPECT_EQ(
        IsInHand(connection, &before, before, row.is_sync, Attention::kUnknown),
        row.in_hand)
        << row.what;
  }
  TcpSocket first_seen;
  first_seen.exchange = kParked;
  first_seen.sent = 500;
  EXPECT_FALSE(IsInHand(first_seen, nullptr, {}, false, Attention::kUnknown));
}

// Where gunicorn speaks HTTP/2.
TEST(IsInHand, TakesWhatComesAfterAnAnswerForNoRequest) {
  using enum Attention;
  constexpr auto kParked = ConnectionState::kParked;
  constexpr auto kInFlight = ConnectionState::kInFlight;
  constexpr CarriedBytes kAtRest = {1000, 500};
  const struct {
    const char* what;
    ConnectionState exchange;
    CarriedBytes before;
    CarriedBytes now;
    Attention attention;
    bool in_hand;
  } table[] = {
      {"frames after the answer",
       kInFlight,
       {1200, 900},
       {1200, 900},
       kRead,
       false},
      {"they come now", kInFlight, {1100, 900}, {1200, 900}, kRead, true},
      {"frames alone", kInFlight, {1101, 500}, {1101, 500}, kRead, false},
      {"a body that pauses", kInFlight, {1129, 500}, {1129, 500}, kRead, true},
      {"a body that was told to come",
       kInFlight,
       {1129, 525},
       {1129, 525},
       kRead,
       true},
      {"a request, its settings acknowledged",
       kParked,
       {1100, 531},
       {1100, 531},
       kServed,
       true},
      {"by what was carried alone",
       kParked,
       {1100, 531},
       {1100, 531},
       kUnknown,
       false},
      {"at rest", kInFlight, kAtRest, kAtRest, kUnknown, false},
      {"nothing was answered yet",
       kInFlight,
       {1200, 0},
       {1200, 0},
       kRead,
       true},
  };
  for (const auto& row : table) {
    TcpSocket connection;
    connection.exchange = row.exchange;
    connection.received = row.now.received;
    connection.sent = row.now.sent;
    const CarriedBytes at_rest = row.now.sent == 0 ? CarriedBytes() : kAtRest;
    EXPECT_EQ(IsInHand(connection, &row.before, at_rest, false, row.attention),
              row.in_hand)
        << row.what;
  }
}

TEST(IsInHand, HoldsARequestAsLongAsItsBodyIsAwaited) {
  TcpSocket connection;
  connection.exchange = ConnectionState::kParked;
  connection.received = 100;
  connection.sent = 25;  // "HTTP/1.1 100 Continue\r\n\r\n"
  const CarriedBytes unchanged = {100, 25};
  EXPECT_TRUE(IsInHand(connection, nullptr, {}, false, Attention::kUnknown));
  EXPECT_TRUE(IsInHand(connection, &unchanged, {}, false, Attention::kUnknown));
  EXPECT_FALSE(
      IsInHand(connection, &unchanged, unchanged, false, Attention::kUnknown));
}

}  // namespace
}  // namespace gunicorn_exporter
