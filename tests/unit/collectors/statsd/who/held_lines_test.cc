#include "collectors/statsd/who/held_lines.h"

#include <gtest/gtest.h>

#include "tests/unit/collectors/statsd/lines/line_handler_fixture.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Time stands still, so that a look-up costs the least that is booked for it.
class HeldLinesTest : public LineHandlerTest {
 protected:
  HeldLinesTest() { lookup_.SetPid(kGunicorn, {"shop", "", ""}); }

  void Handle(const std::string& line, pid_t pid) {
    handler().HandleDatagram(Transport::kUnixgram, line,
                             DatagramSource{pid, nullptr}, false);
  }
  // Until the time for look-ups is used up. Each is nobody's.
  void UseUpTheTime() {
    for (int pid = 1; pid <= kLookups; ++pid) {
      Handle("gunicorn.requests:1|c", pid);
    }
    ASSERT_EQ(lookup_.questions(), kLookups);
    ASSERT_TRUE(handler().Flush());
  }

  static constexpr int kLookups = 20'000;
  static constexpr pid_t kGunicorn = 1'000'000;
};

TEST_F(HeldLinesTest, BelongToTheirAppOnceThereIsTimeToLookItUp) {
  UseUpTheTime();
  Handle("gunicorn.workers:2|g", kGunicorn);
  Handle("gunicorn.workers:3|g", kGunicorn);
  EXPECT_FALSE(handler().Flush());
  EXPECT_EQ(stats_.lines(Transport::kUnixgram), kLookups);
  time_.Advance(milliseconds(10));
  EXPECT_TRUE(handler().Flush());
  EXPECT_EQ(Value("gunicorn_arbiter_workers", "app=\"shop\""), 3);
  EXPECT_EQ(Requests("unknown"), kLookups);
  EXPECT_EQ(stats_.lines(Transport::kUnixgram), kLookups + 2);
}

TEST_F(HeldLinesTest, KeepNoLineThatNamesItsApp) {
  UseUpTheTime();
  Handle("gunicorn.requests:1|c|#app:shop", kGunicorn);
  EXPECT_TRUE(handler().Flush());
  EXPECT_EQ(Requests("shop"), 1);
}

TEST_F(HeldLinesTest, HaveTheirTurnBeforeStrangersThatComeLater) {
  UseUpTheTime();
  Handle("gunicorn.requests:1|c", kGunicorn);
  for (pid_t stranger = 1; stranger <= 10'000; ++stranger) {
    if (stranger % 1000 == 0) time_.Advance(milliseconds(1));
    Handle("gunicorn.requests:1|c", kGunicorn + stranger);
    handler().Flush();
  }
  EXPECT_EQ(Requests("shop"), 1);
}

TEST_F(HeldLinesTest, AreNobodysAfterAWhileWithoutTime) {
  lookup_.SetCost([this] { time_.Advance(seconds(10)); });
  Handle("gunicorn.requests:1|c", 1);
  Handle("gunicorn.requests:1|c", kGunicorn);
  EXPECT_FALSE(handler().Flush());
  time_.Advance(seconds(15));
  EXPECT_TRUE(handler().Flush());
  EXPECT_EQ(lookup_.questions(), 1);
  EXPECT_EQ(Requests("unknown"), 2);
}

TEST_F(HeldLinesTest, AreBounded) {
  UseUpTheTime();
  for (int pid = 1; pid <= 100'000; ++pid) {
    Handle("gunicorn.requests:1|c", kGunicorn + pid);
  }
  EXPECT_FALSE(handler().Flush());
  EXPECT_EQ(lookup_.questions(), kLookups);
  EXPECT_GE(stats_.lines(Transport::kUnixgram), kLookups + 97'000);
  time_.Advance(seconds(15));
  EXPECT_TRUE(handler().Flush());
  EXPECT_EQ(Requests("unknown"), kLookups + 100'000);
}

TEST_F(HeldLinesTest, AreTakenAtTheEnd) {
  UseUpTheTime();
  Handle("gunicorn.requests:1|c", kGunicorn);
  handler().EndHolding();
  EXPECT_TRUE(handler().Flush());
  EXPECT_EQ(Requests("unknown"), kLookups + 1);
}

}  // namespace
}  // namespace gunicorn_exporter
