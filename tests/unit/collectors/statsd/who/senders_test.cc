#include "collectors/statsd/who/senders.h"

#include <gtest/gtest.h>

#include "tests/unit/collectors/statsd/lines/line_handler_fixture.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Two gunicorns, and a process side that answers only when it is let go.
class SendersTest : public LineHandlerTest {
 protected:
  SendersTest() {
    senders_.SetPid(kShop, {"shop", "", ""});
    senders_.SetPid(kBlog, {"blog", "", ""});
    senders_.Hold();
  }

  void Handle(const std::string& packet, pid_t pid) {
    handler().HandleDatagram(Transport::kUnixgram, packet,
                             DatagramSource{pid, nullptr}, false);
  }
  double UnixLines() const { return StatsdLines(registry_, "unixgram"); }
  // Both are known then, with a request each.
  void MakeKnown() {
    Handle("gunicorn.requests:1|c", kShop);
    Handle("gunicorn.requests:1|c", kBlog);
    senders_.LetGo();
    handler().Flush();
    senders_.Hold();
    ASSERT_EQ(Requests("shop"), 1);
    ASSERT_EQ(Requests("blog"), 1);
  }

  static constexpr pid_t kShop = 1'000'000;
  static constexpr pid_t kBlog = 1'000'001;
};

TEST_F(SendersTest, HaveTheirLinesHeldUntilTheyAreKnown) {
  Handle("gunicorn.workers:2|g\ngunicorn.requests:1|c", kShop);
  Handle("gunicorn.requests:1|c", kBlog);
  Handle("gunicorn.workers:3|g", kShop);
  EXPECT_TRUE(handler().Flush());
  EXPECT_TRUE(handler().has_held());
  EXPECT_EQ(UnixLines(), 0);
  senders_.LetGo();
  EXPECT_TRUE(handler().Flush());
  EXPECT_FALSE(handler().has_held());
  EXPECT_EQ(senders_.questions(), 2);
  // In the order in which they came.
  EXPECT_EQ(Value("gunicorn_arbiter_workers", "app=\"shop\""), 3);
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(Requests("blog"), 1);
  EXPECT_EQ(Requests("unknown"), -1);
  EXPECT_EQ(UnixLines(), 4);
}

TEST_F(SendersTest, AreAskedForAsNewOnesUntilTheyAreKnown) {
  Handle("gunicorn.requests:1|c", kShop);
  EXPECT_TRUE(senders_.last_is_new());
  senders_.LetGo();
  handler().Flush();
  senders_.NextGeneration();
  Handle("gunicorn.requests:1|c", kShop);
  EXPECT_FALSE(senders_.last_is_new());
}

TEST_F(SendersTest, KeepTheirOwnLinesWhileOthersCome) {
  Handle("gunicorn.requests:1|c", kShop);
  // So many events are handed to the store before the next packet.
  for (int i = 0; i < 1024; ++i) {
    handler().HandleDatagram(Transport::kUnixgram,
                             "gunicorn.requests:1|c|#app:other", {}, false);
  }
  senders_.LetGo();
  Handle("gunicorn.requests:1|c", kBlog);
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(Requests("blog"), 1);
}

TEST_F(SendersTest, WhoNameAKnownAppAreNotAskedFor) {
  store().SetKnownApps({{"shop", "", ""}});
  Handle("gunicorn.requests:1|c|#app:shop", kShop);
  EXPECT_TRUE(handler().Flush());
  EXPECT_EQ(senders_.questions(), 0);
  EXPECT_EQ(Requests("shop"), 1);
}

TEST_F(SendersTest, WhoSendNoMetricAreNotAskedFor) {
  Handle("broken\nother.name:1|c\n_e{1,1}:a|b", kShop);
  EXPECT_TRUE(handler().Flush());
  EXPECT_EQ(senders_.questions(), 0);
  EXPECT_EQ(UnixLines(), 3);
}

TEST_F(SendersTest, AreKnownByTheAnswersOfASlowProcessSide) {
  for (pid_t stranger = 1; stranger <= 7; ++stranger) {
    Handle("gunicorn.requests:1|c", stranger);
  }
  Handle("gunicorn.requests:1|c", kShop);
  // An answer every two seconds; a silence of five would be a table that hangs.
  for (int i = 0; i < 7; ++i) {
    time_.Advance(seconds(2));
    senders_.AnswerOne();
    handler().Flush();
    EXPECT_EQ(UnixLines(), i + 1);
  }
  senders_.AnswerOne();
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(Requests("unknown"), 7);
}

TEST_F(SendersTest, WithoutAnAnswerFor15SecondsAreNobody) {
  for (pid_t stranger = 1; stranger <= 8; ++stranger) {
    Handle("gunicorn.requests:1|c", stranger);
  }
  Handle("gunicorn.requests:1|c", kShop);
  for (int i = 0; i < 7; ++i) {
    time_.Advance(seconds(2));
    senders_.AnswerOne();
    handler().Flush();
  }
  EXPECT_EQ(handler().HeldFor(), seconds(1));
  time_.Advance(seconds(1));
  handler().Flush();
  EXPECT_FALSE(handler().has_held());
  EXPECT_EQ(Requests("unknown"), 9);
  // An answer that comes later still is one.
  senders_.LetGo();
  handler().Flush();
  Handle("gunicorn.requests:1|c", kShop);
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 1);
}

TEST_F(SendersTest, AreNobodyWhileTheProcessTableHangs) {
  Handle("gunicorn.requests:1|c", kShop);
  handler().Flush();
  EXPECT_EQ(handler().HeldFor(), seconds(15));
  time_.Advance(seconds(15));
  handler().Flush();
  EXPECT_EQ(Requests("unknown"), 1);
  // Nor is another one's line held any more.
  Handle("gunicorn.requests:1|c", kBlog);
  handler().Flush();
  EXPECT_FALSE(handler().has_held());
  EXPECT_EQ(Requests("unknown"), 2);
}

TEST_F(SendersTest, AreNobodyAtOnceWhereTheProcessTableIsKnownToHang) {
  senders_.SetHangs(true);
  Handle("gunicorn.requests:1|c", kShop);
  handler().Flush();
  EXPECT_FALSE(handler().has_held());
  EXPECT_EQ(Requests("unknown"), 1);
}

TEST_F(SendersTest, WhoWereKnownAreWhoTheyWereWhileTheProcessTableHangs) {
  MakeKnown();
  senders_.NextGeneration();
  Handle("gunicorn.requests:1|c", kShop);
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(handler().HeldFor(), milliseconds(250));
  time_.Advance(milliseconds(250));
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 2);
  Handle("gunicorn.requests:1|c", kShop);
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 3);
}

TEST_F(SendersTest, OfAnotherGenerationHaveTheirLinesHeldUntilTheNewAnswer) {
  MakeKnown();
  senders_.NextGeneration();
  senders_.SetPid(kShop, {"new", "", ""});
  Handle("gunicorn.requests:1|c", kShop);
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 1);
  senders_.LetGo();
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(Requests("new"), 1);
}

// What waits for the store is not moved to another app by a new answer.
TEST_F(SendersTest, KeepWhatWasCountedForTheAppThatTheyWere) {
  MakeKnown();
  Handle("gunicorn.requests:1|c", kShop);  // Not in the store yet.
  senders_.SetPid(kShop, {"new", "", ""});
  senders_.NextGeneration();
  senders_.LetGo();
  Handle("gunicorn.requests:1|c", kShop);
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 2);
  EXPECT_EQ(Requests("new"), 1);
}

TEST_F(SendersTest, AreAskedForOnceThereIsRoomForTheQuestion) {
  senders_.SetRoom(1);
  Handle("gunicorn.requests:1|c", 1);
  Handle("gunicorn.requests:1|c", kShop);
  Handle("gunicorn.requests:1|c", kBlog);
  handler().Flush();
  EXPECT_EQ(senders_.questions(), 1);
  for (int i = 2; i <= 3; ++i) {
    senders_.AnswerOne();
    handler().Flush();
    EXPECT_EQ(senders_.questions(), i);
  }
  senders_.AnswerOne();
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(Requests("blog"), 1);
}

TEST_F(SendersTest, HaveABoundedNumberOfLinesHeld) {
  constexpr int kSent = 100'000;
  for (pid_t pid = 1; pid <= kSent; ++pid) Handle("gunicorn.requests:1|c", pid);
  handler().Flush();
  EXPECT_TRUE(handler().has_held());
  EXPECT_GE(UnixLines(), 97'000);
  EXPECT_LE(senders_.questions(), 10'000);
  time_.Advance(seconds(15));
  handler().Flush();
  EXPECT_FALSE(handler().has_held());
  EXPECT_EQ(Requests("unknown"), kSent);
}

TEST_F(SendersTest, WhoWereKnownKeepTheOrderOfTheirLinesPastThatBound) {
  MakeKnown();
  senders_.NextGeneration();
  Handle("gunicorn.workers:1|g", kShop);
  for (int i = 0; i < 3000; ++i) Handle("gunicorn.requests:1|c", kShop);
  Handle("gunicorn.workers:3|g", kShop);
  time_.Advance(milliseconds(250));
  handler().Flush();
  EXPECT_EQ(Value("gunicorn_arbiter_workers", "app=\"shop\""), 3);
  EXPECT_EQ(Requests("shop"), 3001);
}

TEST_F(SendersTest, WhoAreAskedForAreNotForgottenWithTheOthers) {
  senders_.LetGo();
  // All senders are forgotten at 8192; there are nearly as many again.
  for (pid_t pid = 1; pid <= 16'000; ++pid) {
    Handle("gunicorn.requests:1|c", pid);
    if (pid % 100 == 0) handler().Flush();
  }
  MakeKnown();
  time_.Advance(seconds(5));
  Handle("gunicorn.requests:1|c", kShop);  // Asks again.
  Handle("gunicorn.requests:1|c", 30'000);
  senders_.SetPid(30'000, {"late", "", ""});
  for (pid_t pid = 40'000; pid <= 41'000; ++pid) {
    Handle("gunicorn.requests:1|c", pid);
  }
  const int asked = senders_.questions();
  Handle("gunicorn.requests:1|c", kShop);
  handler().Flush();
  EXPECT_EQ(Requests("shop"), 3);
  senders_.LetGo();
  handler().Flush();
  EXPECT_EQ(Requests("late"), 1);
  // The other one that was known then is asked for again.
  EXPECT_EQ(senders_.questions(), asked);
  Handle("gunicorn.requests:1|c", kBlog);
  EXPECT_EQ(senders_.questions(), asked + 1);
}

TEST_F(SendersTest, HaveTheirHeldLinesCountedAtTheEnd) {
  Handle("gunicorn.requests:1|c", kShop);
  handler().Finish();
  EXPECT_EQ(Requests("unknown"), 1);
}

}  // namespace
}  // namespace gunicorn_exporter
