// Places that outlive a process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "collectors/logs/find_rotated.h"
#include "collectors/logs/log_tailer.h"
#include "tests/support/no_descriptors.h"
#include "tests/unit/collectors/logs/log_tailer_fixture.h"

namespace gunicorn_exporter {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class LogPlacesTest : public LogTailerTest {};

TEST_F(LogPlacesTest, GoesOnWhereAnEarlierProcessStopped) {
  WriteFile(dir_ / "a.log", "old\n");
  LogTailer first(Source("a.log"));
  Read(first);
  AppendFile(dir_ / "a.log", "one\nto");
  EXPECT_THAT(Read(first), ElementsAre("one"));
  AppendFile(dir_ / "a.log", "rn\nthree\n");
  LogTailer second(Source("a.log"), first.Positions());
  EXPECT_THAT(Read(second), ElementsAre("torn", "three"));
}

TEST_F(LogPlacesTest, ReadsAnUnfinishedMessageAgainAfterARestart) {
  const LogSourceConfig source = NumberedMessages();
  LogTailer first(source);
  Read(first);
  WriteFile(dir_ / "a.log", "[1] a\n[2] b\nTrace\n");
  EXPECT_THAT(Read(first), ElementsAre("[1] a"));
  AppendFile(dir_ / "a.log", "back\n[3] c\n");
  LogTailer second(source, first.Positions());
  EXPECT_THAT(Read(second), ElementsAre("[2] b\nTrace\nback"));
}

TEST_F(LogPlacesTest, FindsAFileThatWasRotatedBetweenTwoProcesses) {
  LogTailer first(Source("a.log"));
  ReadFirstLine(first, "one");
  AppendFile(dir_ / "a.log", "two\n");
  fs::rename(dir_ / "a.log", dir_ / "a.log.1");
  WriteFile(dir_ / "a.log", "three\n");
  LogTailer second(Source("a.log"), first.Positions());
  EXPECT_THAT(Read(second), ElementsAre("two", "three"));
}

// The number of a file that was rotated and deleted is free for any other.
TEST_F(LogPlacesTest, TakesNoOtherFileOfTheSameNumberForARotatedOne) {
  LogTailer first(Source("a.log"));
  ReadFirstLine(first, "one");
  WriteFile(dir_ / "a.log", "two\n");
  WriteFile(dir_ / "b.log", "of another app\n");
  struct stat other {};
  ASSERT_EQ(stat((dir_ / "b.log").c_str(), &other), 0);
  std::vector<FilePosition> positions = first.Positions();
  ASSERT_THAT(positions, SizeIs(1));
  positions[0].id = IdOf(other);
  LogTailer second(Source("a.log"), positions);
  EXPECT_THAT(Read(second), ElementsAre("two"));
}

TEST_F(LogPlacesTest, FindsAFileThatWasCutBetweenTwoProcesses) {
  LogTailer first(Source("a.log*"));
  ReadFirstLine(first, Line("one"));
  fs::copy_file(dir_ / "a.log", dir_ / "a.log.1");
  WriteFile(dir_ / "a.log", Line("two") + "\n" + Line("three") + "\n");
  LogTailer second(Source("a.log*"), first.Positions());
  EXPECT_THAT(Read(second), ElementsAre(Line("two"), Line("three")));
}

TEST_F(LogPlacesTest, KeepsACopyLeftAloneOverARestart) {
  LogTailer first(Source("a.log*"));
  ReadFirstLine(first, Line("one"));
  fs::copy_file(dir_ / "a.log", dir_ / "a.log.1");
  fs::resize_file(dir_ / "a.log", 0);
  Read(first);
  Read(first);
  LogTailer second(Source("a.log*"), first.Positions());
  EXPECT_THAT(Read(second), IsEmpty());
}

// Not cut yet, so it may still be a log of its own.
TEST_F(LogPlacesTest, JudgesAFileThatBeginsLikeAnotherAnewAfterARestart) {
  LogTailer first(Source("a.log*"));
  ReadFirstLine(first, Line("one"));
  fs::copy_file(dir_ / "a.log", dir_ / "a.log.bak");
  EXPECT_THAT(Read(first), IsEmpty());
  LogTailer second(Source("a.log*"), first.Positions());
  EXPECT_THAT(Read(second), IsEmpty());
  LogTailer third(Source("a.log*"), second.Positions());
  EXPECT_THAT(Read(third), IsEmpty());
  AppendFile(dir_ / "a.log", Line("two") + "\n");
  EXPECT_THAT(Read(third), ElementsAre(Line("two")));
}

// Remounted, or a container's overlay that was made anew.
TEST_F(LogPlacesTest, GoesOnInAFileWhoseDeviceHasAnotherNumber) {
  for (const bool has_same_inode : {true, false}) {
    WriteFile(dir_ / "a.log", Line("old") + "\n");
    LogTailer first(Source("a.log"));
    Read(first);
    AppendFile(dir_ / "a.log", Line("one") + "\n");
    EXPECT_THAT(Read(first), SizeIs(1));
    std::vector<FilePosition> positions = first.Positions();
    ++positions[0].id.device;
    if (!has_same_inode) positions[0].id.inode += 1'000'000;
    AppendFile(dir_ / "a.log", Line("two") + "\n");
    LogTailer second(Source("a.log"), positions);
    EXPECT_THAT(Read(second), ElementsAre(Line("two")));
  }
}

TEST_F(LogPlacesTest, FindsARotatedFileWhoseDeviceHasAnotherNumber) {
  LogTailer first(Source("a.log"));
  ReadFirstLine(first, Line("one"));
  std::vector<FilePosition> positions = first.Positions();
  ++positions[0].id.device;
  AppendFile(dir_ / "a.log", Line("two") + "\n");
  fs::rename(dir_ / "a.log", dir_ / "a.log.1");
  WriteFile(dir_ / "a.log", Line("three") + "\n");
  LogTailer second(Source("a.log"), positions);
  EXPECT_THAT(Read(second), ElementsAre(Line("two"), Line("three")));
}

TEST_F(LogPlacesTest, ReadsAnotherFileInThePlaceOfOneOfAnotherDevice) {
  LogTailer first(Source("a.log"));
  ReadFirstLine(first, Line("one"));
  std::vector<FilePosition> positions = first.Positions();
  positions[0].id = {positions[0].id.device + 1, 1};
  WriteFile(dir_ / "a.log", Line("two") + "\n" + Line("three") + "\n");
  LogTailer second(Source("a.log"), positions);
  EXPECT_THAT(Read(second), ElementsAre(Line("two"), Line("three")));
}

// As a kubelet lays and rotates them.
TEST_F(LogPlacesTest, FindsAFileThatWasRotatedWhereALinkLeads) {
  fs::create_directory(dir_ / "pods");
  fs::create_directory(dir_ / "containers");
  WriteFile(dir_ / "pods/0.log", "");
  fs::create_symlink(dir_ / "pods/0.log", dir_ / "containers/a.log");
  LogTailer first(Source("containers/*.log"));
  Read(first);
  AppendFile(dir_ / "pods/0.log", "one\n");
  EXPECT_THAT(Read(first), ElementsAre("one"));
  AppendFile(dir_ / "pods/0.log", "two\n");
  fs::rename(dir_ / "pods/0.log", dir_ / "pods/0.log.20261122-053319");
  {
    // The link leads nowhere yet.
    LogTailer second(Source("containers/*.log"), first.Positions());
    EXPECT_THAT(Read(second), ElementsAre("two"));
  }
  WriteFile(dir_ / "pods/0.log", "three\n");
  LogTailer second(Source("containers/*.log"), first.Positions());
  EXPECT_THAT(Read(second), ElementsAre("two", "three"));
}

// What rotation moved away is deleted, and the next copy gets its number.
TEST_F(LogPlacesTest, LeavesACopyAloneThatHasTheNumberOfAClosedFile) {
  LogTailer tailer(Source("a.log*"));
  ReadFirstLine(tailer, Line("one"));
  WriteFile(dir_ / "a.log.0", Line("other") + "\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("other")));
  fs::rename(dir_ / "a.log.0", dir_ / "old.log");
  Read(tailer);
  now_ += LogTailer::kAwayFor;
  Read(tailer);
  tailer.KeepClosed(tailer.TakeClosed());
  EXPECT_THAT(tailer.Positions(), SizeIs(2));
  fs::copy_file(dir_ / "a.log", dir_ / "old.log",
                fs::copy_options::overwrite_existing);
  fs::rename(dir_ / "old.log", dir_ / "a.log.1");
  EXPECT_THAT(Read(tailer), IsEmpty());
  fs::resize_file(dir_ / "a.log", 0);
  EXPECT_THAT(Read(tailer), IsEmpty());
}

TEST_F(LogPlacesTest, BoundsThePlacesInClosedFiles) {
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  std::vector<FilePosition> closed;
  for (std::size_t i = 0; i < LogTailer::kMaxFiles + 5; ++i) {
    const std::string path = dir_ / std::to_string(i);
    WriteFile(path, "x");
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    closed.push_back({"", path, IdOf(status), i + 1, "x", "x", path});
  }
  tailer.KeepClosed(closed);
  const std::vector<FilePosition> positions = tailer.Positions();
  ASSERT_THAT(positions, SizeIs(LogTailer::kMaxFiles));
  EXPECT_EQ(positions[0].offset, 6U);
}

// Its history must not count only because the first process could not open it.
TEST_F(LogPlacesTest, ReadsAFileThatOpensOnlyAfterARestartFromItsFirstEnd) {
  if (kSanitiserNeedsDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  for (const bool is_rotated : {false, true}) {
    WriteFile(dir_ / "a.log", "old\nolder\n");
    LogTailer first(Source("a.log"));
    LogTailer second(Source("a.log"), [&] {
      const NoDescriptors none;
      EXPECT_THAT(Read(first), IsEmpty());
      return first.Positions();
    }());
    {
      const NoDescriptors none;
      EXPECT_THAT(Read(second), IsEmpty());
    }
    AppendFile(dir_ / "a.log", "one\n");
    LogTailer third(Source("a.log"), second.Positions());
    EXPECT_THAT(Read(second), ElementsAre("one"));
    if (is_rotated) fs::rename(dir_ / "a.log", dir_ / "a.log.1");
    EXPECT_THAT(Read(third), ElementsAre("one"));
  }
}

TEST_F(LogPlacesTest, ReadsWhollyWhatIsShorterThanAFileThatNeverOpened) {
  if (kSanitiserNeedsDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  WriteFile(dir_ / "a.log", "old\nolder\n");
  LogTailer first(Source("a.log"));
  {
    const NoDescriptors none;
    EXPECT_THAT(Read(first), IsEmpty());
  }
  WriteFile(dir_ / "a.log", "one\n");
  LogTailer second(Source("a.log"), first.Positions());
  EXPECT_THAT(Read(second), ElementsAre("one"));
  EXPECT_EQ(second.stats().truncations, 0U);
}

TEST_F(LogPlacesTest, ReadsWhollyWhatCameSinceAnEarlierProcessFoundNone) {
  LogTailer first(Source("a.log"));
  EXPECT_THAT(Read(first), IsEmpty());
  WriteFile(dir_ / "a.log", "one\n");
  LogTailer second(Source("a.log"), first.Positions());
  EXPECT_THAT(Read(second), ElementsAre("one"));
}

}  // namespace
}  // namespace gunicorn_exporter
