#include "collectors/logs/message_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

class MessageAssemblerTest : public testing::Test {
 protected:
  void Add(std::string_view line, int at_ms = 0) {
    assembler_.AddLine(line, offset_, At(at_ms), sink_);
    offset_ += line.size() + 1;
  }
  static MessageAssembler::Clock::time_point At(int at_ms) {
    return MessageAssembler::Clock::time_point(milliseconds(at_ms));
  }

  const MessageRules rules_{{{"date", "\\[\\d{4}-"}, {"json", "\\{|<"}}};
  MessageAssembler assembler_{rules_};
  std::uint64_t offset_ = 0;
  std::vector<std::string> messages_;
  const MessageAssembler::Sink sink_ = [this](std::string_view message) {
    messages_.emplace_back(message);
  };
};

TEST_F(MessageAssemblerTest, TakesEachLineAsAMessageWithoutRules) {
  const MessageRules none{{}};
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
