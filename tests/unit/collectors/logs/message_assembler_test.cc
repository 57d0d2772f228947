#include "collectors/logs/message_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

LogSourceConfig WithRules(std::vector<MultiLineRule> rules) {
  LogSourceConfig source;
  source.multi_line = std::move(rules);
  return source;
}

class MessageAssemblerTest : public testing::Test {
 protected:
  void Add(std::string_view line, int at_ms = 0) {
    assembler_.AddLine(line, offset_, At(at_ms), sink_);
    offset_ += line.size() + 1;
  }
  static MessageAssembler::Clock::time_point At(int at_ms) {
    return MessageAssembler::Clock::time_point(milliseconds(at_ms));
  }

  const MessageRules rules_{
      WithRules({{"date", "\\[\\d{4}-"}, {"json", "\\{|<"}})};
  MessageAssembler assembler_{rules_};
  std::uint64_t offset_ = 0;
  std::vector<std::string> messages_;
  const MessageAssembler::Sink sink_ = [this](std::string_view message,
                                              Traceback&) {
    messages_.emplace_back(message);
  };
};

TEST_F(MessageAssemblerTest, TakesEachLineAsAMessageWithoutRules) {
  const MessageRules none(WithRules({}));
  MessageAssembler assembler(none);
  assembler.AddLine("a", 0, At(0), sink_);
  assembler.AddLine("  b", 2, At(0), sink_);
  EXPECT_THAT(messages_, ElementsAre("a", "  b"));
  EXPECT_EQ(assembler.PendingOffset(6), 6U);
}

TEST_F(MessageAssemblerTest, JoinsLinesUntilTheNextBegin) {
  Add("[2026-11-22] a");
  Add("Traceback");
  Add("  File [2026-11-22]");  // A rule holds at a line's begin only.
  EXPECT_THAT(messages_, IsEmpty());
  Add("[2026-11-23] b");
  EXPECT_THAT(messages_,
              ElementsAre("[2026-11-22] a\nTraceback\n  File [2026-11-22]"));
}

// A container's output holds the lines of both logs.
TEST_F(MessageAssemblerTest, EndsAMessageBeforeAnAccessLine) {
  const std::string access =
      "127.0.0.1 - - [22/Nov/2026:05:33:00 +0000] \"GET / HTTP/1.1\" 500 2 "
      "\"-\" \"curl/7.88.1\"";
  Add("[2026-11-22] a");
  Add("Traceback");
  Add(access);
  EXPECT_THAT(messages_, ElementsAre("[2026-11-22] a\nTraceback", access));
  Add(access);
  EXPECT_THAT(messages_, SizeIs(3));
}

TEST_F(MessageAssemblerTest, BeginsAMessageByAnyRuleAndEachOfItsChoices) {
  Add("[2026-11-22] a");
  Add("{");
  Add("<b");
  Add("x <c");
  assembler_.Flush(sink_);
  EXPECT_THAT(messages_, ElementsAre("[2026-11-22] a", "{", "<b\nx <c"));
}

TEST_F(MessageAssemblerTest, GivesOutWhatHasWaitedForASecond) {
  Add("[2026-11-22] a", 0);
  Add("more", 500);
  assembler_.FlushIdle(At(1499), sink_);
  EXPECT_THAT(messages_, IsEmpty());
  assembler_.FlushIdle(At(1500), sink_);
  EXPECT_THAT(messages_, ElementsAre("[2026-11-22] a\nmore"));
}

TEST_F(MessageAssemblerTest, TakesALineThatContinuesNothingAsABegin) {
  Add("lost");
  Add("[2026-11-22] a");
  EXPECT_THAT(messages_, ElementsAre("lost"));
}

// A rule that was written for other lines takes none of these away.
TEST_F(MessageAssemblerTest, JoinsNothingToALineThatNoRuleBegins) {
  Add("a");
  Add("b");
  Add("c");
  Add("[2026-11-22] d");
  Add("e");
  Add("[2026-11-22] f");
  EXPECT_THAT(messages_, ElementsAre("a", "b", "c", "[2026-11-22] d\ne"));
}

// Such a line waits for its own end and for nothing else.
TEST_F(MessageAssemblerTest, JoinsWhatARuntimeCutOfALineThatNoRuleBegins) {
  const std::string cri = "2024-05-13T06:08:22.86Z stdout ";
  Add(cri + "P a ");
  Add(cri + "P [2026-11-22] ");
  Add(cri + "F b");
  EXPECT_THAT(messages_, ElementsAre("a [2026-11-22] b"));
  EXPECT_EQ(assembler_.PendingOffset(offset_), offset_);
  Add(cri + "F c");
  EXPECT_THAT(messages_, ElementsAre("a [2026-11-22] b", "c"));
}

TEST_F(MessageAssemblerTest, TellsWhereTheUnfinishedMessageBegins) {
  EXPECT_EQ(assembler_.PendingOffset(7), 7U);
  Add("[2026-11-22] a");
  const std::uint64_t second = offset_;
  Add("[2026-11-22] b");
  Add("more");
  EXPECT_EQ(assembler_.PendingOffset(offset_), second);
  assembler_.Flush(sink_);
  EXPECT_EQ(assembler_.PendingOffset(offset_), offset_);
}

TEST_F(MessageAssemblerTest, JoinsWhatARuntimeCutOfEachStream) {
  const MessageRules none(WithRules({}));
  MessageAssembler assembler(none);
  std::uint64_t offset = 0;
  const auto add = [&](const std::string& text) {
    assembler.AddLine("2024-05-13T06:08:22.86Z " + text, offset, At(0), sink_);
    offset += 100;
  };
  add("stdout F whole");
  add("stdout P one ");
  add("stderr P three ");
  add("stdout P and ");
  EXPECT_THAT(messages_, ElementsAre("whole"));
  add("stderr F four");
  // In the order in which they begin, so that a place in the file tells it.
  EXPECT_THAT(messages_, ElementsAre("whole"));
  EXPECT_EQ(assembler.PendingOffset(offset), 100U);
  add("stdout F two");
  EXPECT_THAT(messages_, ElementsAre("whole", "one and two", "three four"));
  EXPECT_EQ(assembler.PendingOffset(offset), offset);
}

TEST_F(MessageAssemblerTest, HoldsTheRulesToTheLinesOwnText) {
  const std::string cri = "2024-05-13T06:08:22.86Z stderr ";
  Add(cri + "F [2026-11-22] a");
  Add(cri + "P Trace");
  Add(cri + "F back");
  Add(cri + "F ");
  Add(cri + "F [2026-11-23] b");
  EXPECT_THAT(messages_, ElementsAre("[2026-11-22] a\nTraceback\n"));
}

TEST_F(MessageAssemblerTest, HoldsARuleThatWasWrittenForTheWholeLine) {
  const MessageRules rules(WithRules({{"cri", "\\d{4}-\\d{2}-\\d{2}T"}}));
  MessageAssembler assembler(rules);
  assembler.AddLine("2024-05-13T06:08:22.86Z stderr F a", 0, At(0), sink_);
  assembler.AddLine("2024-05-13T06:08:23.86Z stderr F b", 50, At(0), sink_);
  EXPECT_THAT(messages_, ElementsAre("a"));
}

TEST_F(MessageAssemblerTest, BoundsWhatWaitsBehindALineWithoutAnEnd) {
  const MessageRules none(WithRules({}));
  MessageAssembler assembler(none);
  const std::string time = "2024-05-13T06:08:22.86Z ";
  assembler.AddLine(time + "stdout P torn", 0, At(0), sink_);
  for (int i = 0; i < 5000; ++i)
    assembler.AddLine(time + "stderr F x", 1, At(0), sink_);
  EXPECT_THAT(messages_, testing::SizeIs(5001));
}

TEST_F(MessageAssemblerTest, BoundsAMessage) {
  Add("[2026-11-22] a");
  for (int i = 0; i < 100; ++i) Add(std::string(10'000, 'x'));
  assembler_.Flush(sink_);
  ASSERT_EQ(messages_.size(), 1U);
  EXPECT_LE(messages_[0].size(), kMaxMessageBytes + 1);
  EXPECT_GE(messages_[0].size(), kMaxMessageBytes - 1);
}

}  // namespace
}  // namespace gunicorn_exporter
