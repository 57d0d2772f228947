#include "collectors/process/read/proc_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/fake_proc.h"
#include "tests/support/long_maps.h"
#include "tests/support/no_descriptors.h"

namespace gunicorn_exporter {
namespace {

class ProcReaderTest : public testing::Test {
 protected:
  FakeProc proc_;
  prometheus::Registry registry_;
  ProcReader reader_{proc_.root(), registry_};
};

TEST_F(ProcReaderTest, GivesALongTableInPiecesOfWholeLines) {
  std::string table;
  for (int i = 0; i < 100'000; ++i) table += std::to_string(i) + "\n";
  table += "the last without its end";
  proc_.WriteFile("7/net/tcp", table);
  const std::size_t buffer_before = reader_.buffer_bytes();
  std::string read;
  EXPECT_TRUE(reader_.ReadLines(7, "net/tcp", [&](std::string_view lines) {
    EXPECT_TRUE(lines.ends_with('\n') || lines.ends_with("its end"));
    read += lines;
  }));
  EXPECT_EQ(read, table);
  EXPECT_EQ(reader_.buffer_bytes(), buffer_before);
}

TEST_F(ProcReaderTest, HoldsALineThatIsLongerThanItsBuffer) {
  const std::string line(100'000, 'x');
  proc_.WriteFile("7/net/unix", "head\n" + line + "\ntail\n");
  std::string read;
  EXPECT_TRUE(reader_.ReadLines(
      7, "net/unix", [&](std::string_view lines) { read += lines; }));
  EXPECT_EQ(read, "head\n" + line + "\ntail\n");
}

TEST_F(ProcReaderTest, GivesTheMemoryOfALongFileBack) {
  proc_.WriteFile("7/cmdline", std::string(4'000'000, 'x'));
  proc_.WriteFile("8/net/fib_trie", std::string(4'000'000, 'x'));
  proc_.WriteFile("9/stat", "short");
  EXPECT_EQ(reader_.Read(7, "cmdline")->size(), 4'000'000U);
  EXPECT_EQ(reader_.Read(8, "net/fib_trie")->size(), 4'000'000U);
  EXPECT_EQ(reader_.Read(9, "stat"), "short");
  EXPECT_LT(reader_.buffer_bytes(), 100'000U);
}

TEST_F(ProcReaderTest, ReadsToItsEndWhatTheKernelGivesByThePage) {
  proc_.WriteFile("last.so", "text");
  const LongMaps maps(proc_.root() + "/last.so");
  ProcReader reader("/proc", registry_);
  const auto text = reader.Read(getpid(), "maps");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("/last.so\n"), std::string_view::npos);
}

TEST_F(ProcReaderTest, TellsAShortageFromAFileThatIsNotThere) {
  proc_.WriteFile("7/stat", "text");
  EXPECT_FALSE(reader_.Read(8, "stat"));
  EXPECT_FALSE(reader_.TakeShortage());
  {
    const NoDescriptors none;
    EXPECT_FALSE(reader_.ReadQuietly(7, "stat"));
  }
  EXPECT_TRUE(reader_.TakeShortage());
  EXPECT_FALSE(reader_.TakeShortage());
  EXPECT_EQ(reader_.Read(7, "stat"), "text");
}

TEST_F(ProcReaderTest, TakesNoProcessForGoneThatItHasNoDescriptorToReadOf) {
  if (kSanitiserNeedsDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  proc_.WriteFile("7/stat", "text");
  const NoDescriptors none;
  EXPECT_FALSE(reader_.Read(7, "stat"));
  EXPECT_FALSE(reader_.HasGone(7));
  EXPECT_TRUE(reader_.HasGone(8));
}

}  // namespace
}  // namespace gunicorn_exporter
