#include "collectors/logs/log_tailer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/no_descriptors.h"
#include "tests/unit/collectors/logs/log_tailer_fixture.h"

namespace gunicorn_exporter {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(LogTailerTest, BeginsAtTheEndOfAFileThatIsThere) {
  WriteFile(dir_ / "a.log", "old\n");
  LogTailer tailer(Source("a.log"));
  EXPECT_THAT(Read(tailer), IsEmpty());
  AppendFile(dir_ / "a.log", "one\ntwo\r\n\nthree");
  EXPECT_THAT(Read(tailer), ElementsAre("one", "two"));
  AppendFile(dir_ / "a.log", " and more\n");
  EXPECT_THAT(Read(tailer), ElementsAre("three and more"));
  EXPECT_EQ(tailer.stats().lines, 4U);
}

TEST_F(LogTailerTest, ReadsALaterFileFromItsBegin) {
  LogTailer tailer(Source("sub/*.log"));
  EXPECT_THAT(Read(tailer), IsEmpty());
  fs::create_directory(dir_ / "sub");
  EXPECT_THAT(Read(tailer), IsEmpty());
  WriteFile(dir_ / "sub/a.log", "one\n");
  WriteFile(dir_ / "sub/b.txt", "other\n");
  EXPECT_THAT(Read(tailer), ElementsAre("one"));
}

TEST_F(LogTailerTest, LeavesExcludedFilesAndFoldersAlone) {
  LogSourceConfig source = Source("*.log");
  source.exclude_paths = {dir_ / "b*.log"};
  LogTailer tailer(source);
  Read(tailer);
  WriteFile(dir_ / "a.log", "a\n");
  WriteFile(dir_ / "b1.log", "b\n");
  fs::create_directory(dir_ / "c.log");
  EXPECT_THAT(Read(tailer), ElementsAre("a"));
  EXPECT_EQ(tailer.open_files(), 1U);
}

TEST_F(LogTailerTest, ReadsOnThroughARename) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  AppendFile(dir_ / "a.log", "one\n");
  fs::rename(dir_ / "a.log", dir_ / "a.log.1");
  WriteFile(dir_ / "a.log", "three\n");
  AppendFile(dir_ / "a.log.1", "two\n");
  EXPECT_THAT(Read(tailer), ElementsAre("one", "two", "three"));
  // The writer has not reopened yet.
  AppendFile(dir_ / "a.log.1", "late\n");
  AppendFile(dir_ / "a.log", "four\n");
  EXPECT_THAT(Read(tailer), ElementsAre("late", "four"));
}

TEST_F(LogTailerTest, ReadsOnThroughARenameThatTheGlobFinds) {
  LogTailer tailer(Source("a.log*"));
  ReadFirstLine(tailer, Line("one"));
  fs::rename(dir_ / "a.log", dir_ / "a.log.1");
  WriteFile(dir_ / "a.log", Line("two") + "\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("two")));
  EXPECT_EQ(tailer.open_files(), 2U);
}

TEST_F(LogTailerTest, ClosesARotatedFileAfterAQuietMinute) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  AppendFile(dir_ / "a.log", "torn");
  fs::rename(dir_ / "a.log", dir_ / "a.log.1");
  Read(tailer);
  now_ += LogTailer::kAwayFor / 2;
  EXPECT_THAT(Read(tailer), IsEmpty());
  EXPECT_EQ(tailer.open_files(), 1U);
  now_ += LogTailer::kAwayFor;
  EXPECT_THAT(Read(tailer), ElementsAre("torn"));
  EXPECT_EQ(tailer.open_files(), 0U);
}

TEST_F(LogTailerTest, ReadsADeletedFileToItsEnd) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  AppendFile(dir_ / "a.log", "one\n");
  fs::remove(dir_ / "a.log");
  EXPECT_THAT(Read(tailer), ElementsAre("one"));
}

TEST_F(LogTailerTest, BeginsAgainWhenAFileWasCut) {
  WriteFile(dir_ / "a.log", "old\n");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  AppendFile(dir_ / "a.log", "one\ntorn");
  EXPECT_THAT(Read(tailer), ElementsAre("one"));
  WriteFile(dir_ / "a.log", "two\n");
  EXPECT_THAT(Read(tailer), ElementsAre("torn", "two"));
  EXPECT_EQ(tailer.stats().truncations, 1U);
}

TEST_F(LogTailerTest, JoinsNothingOverACut) {
  LogTailer tailer(NumberedMessages());
  Read(tailer);
  WriteFile(dir_ / "a.log", "[1] a\nTrace\n");
  EXPECT_THAT(Read(tailer), IsEmpty());
  WriteFile(dir_ / "a.log", "back\n[2] b\n");
  EXPECT_THAT(Read(tailer), ElementsAre("[1] a\nTrace", "back"));
}

TEST_F(LogTailerTest, SeesACutFileThatIsLongerAgain) {
  LogTailer tailer(Source("a.log"));
  ReadFirstLine(tailer, "one");
  WriteFile(dir_ / "a.log", "2222\n3333\n");
  EXPECT_THAT(Read(tailer), ElementsAre("2222", "3333"));
}

TEST_F(LogTailerTest, LeavesTheCopyOfCopytruncateAlone) {
  LogTailer tailer(Source("a.log*"));
  ReadFirstLine(tailer, Line("one"));
  fs::copy_file(dir_ / "a.log", dir_ / "a.log.1");
  EXPECT_THAT(Read(tailer), IsEmpty());
  fs::resize_file(dir_ / "a.log", 0);
  EXPECT_THAT(Read(tailer), IsEmpty());
  AppendFile(dir_ / "a.log", Line("two") + "\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("two")));
  now_ += FollowedFile::kCopyTime;
  AppendFile(dir_ / "a.log.1", "late\n");
  EXPECT_THAT(Read(tailer), IsEmpty());
}

TEST_F(LogTailerTest, KnowsTheCopyOfAFileThatIsCutAlready) {
  LogTailer tailer(Source("a.log*"));
  ReadFirstLine(tailer, Line("one"));
  fs::copy_file(dir_ / "a.log", dir_ / "a.log.1");
  // It is as long as before: its time alone tells that it is another text.
  WaitForALaterFileTime();
  WriteFile(dir_ / "a.log", Line("two") + "\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("two")));
  EXPECT_THAT(Read(tailer), IsEmpty());
}

TEST_F(LogTailerTest, ReadsALogThatOnlyBeginsLikeAnotherOne) {
  LogTailer tailer(Source("*.log"));
  Read(tailer);
  WriteFile(dir_ / "a.log", Line("one") + "\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one")));
  // It may be a copy in the making, until it has what the other has not.
  WriteFile(dir_ / "ab.log", Line("one") + "\n");
  EXPECT_THAT(Read(tailer), IsEmpty());
  AppendFile(dir_ / "ab.log", "two\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one"), "two"));
  AppendFile(dir_ / "a.log", "three\n");
  EXPECT_THAT(Read(tailer), ElementsAre("three"));
  WriteFile(dir_ / "ac.log", Line("one") + "\n333\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one"), "333"));
}

TEST_F(LogTailerTest, ReadsALogThatStaysLikeAnotherOneButForItsName) {
  LogTailer tailer(Source("*"));
  Read(tailer);
  WriteFile(dir_ / "a.log", Line("one") + "\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one")));
  for (const char* name : {"b.log", "a.log.1", "a-20261129.log"}) {
    fs::copy_file(dir_ / "a.log", dir_ / name);
  }
  EXPECT_THAT(Read(tailer), IsEmpty());
  now_ += FollowedFile::kCopyTime / 2;
  EXPECT_THAT(Read(tailer), IsEmpty());
  now_ += FollowedFile::kCopyTime;
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one")));
  now_ += FollowedFile::kCopyTime;
  EXPECT_THAT(Read(tailer), IsEmpty());
}

TEST_F(LogTailerTest, LeavesANewCompressedFileAlone) {
  LogTailer tailer(Source("*"));
  Read(tailer);
  using namespace std::string_literals;
  WriteFile(dir_ / "a.log.2.gz", "\x1f\x8b\x08\x00\x00\n\n\n"s);
  EXPECT_THAT(Read(tailer), IsEmpty());
}

TEST_F(LogTailerTest, CutsALineThatIsTooLong) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  AppendFile(dir_ / "a.log",
             "a" + std::string(3 * kMaxMessageBytes, 'x') + "\nnext\n");
  const std::vector<std::string> messages = Read(tailer);
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_EQ(messages[0].size(), kMaxMessageBytes);
  EXPECT_EQ(messages[1], "next");
  EXPECT_EQ(tailer.stats().long_lines, 1U);
}

TEST_F(LogTailerTest, ReadsABigFileInParts) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + "\n";
  AppendFile(dir_ / "a.log", text);
  tailer.Scan(now_, sink_);
  EXPECT_TRUE(tailer.Read(now_, sink_));
  const std::size_t part = messages_.size();
  EXPECT_LT(part, 100'000U);
  while (tailer.Read(now_, sink_)) {
  }
  ASSERT_THAT(messages_, SizeIs(100'000));
  EXPECT_EQ(messages_[99'999], "99999");
}

TEST_F(LogTailerTest, ReadsAFileThatBecomesReadableFromWhereItWasFirstSeen) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  WriteFile(dir_ / "a.log", "old\n");
  chmod((dir_ / "a.log").c_str(), 0);
  LogTailer tailer(Source("a.log"));
  EXPECT_THAT(Read(tailer), IsEmpty());
  EXPECT_EQ(tailer.stats().open_errors, 1U);
  chmod((dir_ / "a.log").c_str(), 0600);
  AppendFile(dir_ / "a.log", "one\n");
  EXPECT_THAT(Read(tailer), ElementsAre("one"));
}

TEST_F(LogTailerTest, GoesOnInAFileThatOpensOnlyLaterAfterARestart) {
  if (kSanitiserNeedsDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  LogTailer first(Source("a.log"));
  ReadFirstLine(first, "one");
  LogTailer second(Source("a.log"), first.Positions());
  {
    const NoDescriptors none;
    EXPECT_THAT(Read(second), IsEmpty());
  }
  EXPECT_EQ(second.stats().open_errors, 1U);
  AppendFile(dir_ / "a.log", "two\n");
  // So does a process that follows before it opens.
  LogTailer third(Source("a.log"), second.Positions());
  EXPECT_THAT(Read(third), ElementsAre("two"));
  EXPECT_THAT(Read(second), ElementsAre("two"));
}

TEST_F(LogTailerTest, ReadsAFileThatHadToWaitFromWhereItWasFirstSeen) {
  // Many wait, and none of them is forgotten.
  constexpr std::size_t kFiles = LogTailer::kMaxFiles + 1100;
  const auto path = [this](std::size_t i) {
    return dir_ / (std::to_string(10'000 + i) + ".log");
  };
  for (std::size_t i = 0; i < kFiles; ++i) WriteFile(path(i), "old\n");
  LogTailer tailer(Source("*.log"));
  EXPECT_THAT(Read(tailer), IsEmpty());
  EXPECT_EQ(tailer.open_files(), LogTailer::kMaxFiles);
  fs::remove(path(0));
  Read(tailer);
  now_ += LogTailer::kAwayFor;
  Read(tailer);
  AppendFile(path(LogTailer::kMaxFiles), "new\n");
  EXPECT_THAT(Read(tailer), ElementsAre("new"));
}

TEST_F(LogTailerTest, CountsWhatCannotBeOpened) {
  ASSERT_EQ(mkfifo((dir_ / "a.log").c_str(), 0600), 0);
  LogTailer tailer(Source("a.log"));
  EXPECT_THAT(Read(tailer), IsEmpty());
  Read(tailer);
  EXPECT_EQ(tailer.stats().open_errors, 2U);
}

TEST_F(LogTailerTest, JoinsLinesAcrossReads) {
  LogTailer tailer(NumberedMessages());
  Read(tailer);
  WriteFile(dir_ / "a.log", "[1] a\nTrace\n");
  EXPECT_THAT(Read(tailer), IsEmpty());
  AppendFile(dir_ / "a.log", "back\n[2] b\n");
  EXPECT_THAT(Read(tailer), ElementsAre("[1] a\nTrace\nback"));
  now_ += std::chrono::seconds(1);
  EXPECT_THAT(Read(tailer), ElementsAre("[2] b"));
}

TEST_F(LogTailerTest, LeavesAFileAloneThatAnotherLogReadsOrHasRead) {
  LogTailer tailer(Source("a.log*"));
  bool is_others = true;
  const auto read = [&] {
    messages_.clear();
    tailer.Scan(now_, sink_, [&](const FileId&) { return is_others; });
    while (tailer.Read(now_, sink_)) {
    }
    return messages_;
  };
  read();
  WriteFile(dir_ / "a.log", "one\n");
  EXPECT_THAT(read(), IsEmpty());
  fs::rename(dir_ / "a.log", dir_ / "a.log.1");
  EXPECT_THAT(read(), IsEmpty());
  // The other one has closed the rotated file.
  is_others = false;
  EXPECT_THAT(read(), IsEmpty());
  WriteFile(dir_ / "a.log", "two\n");
  EXPECT_THAT(read(), ElementsAre("two"));
}

TEST_F(LogTailerTest, TakesOverTheFilesOfALogThatIsNoMore) {
  WriteFile(dir_ / "a.log", "old\n");
  LogTailer first(Source("a.log"));
  Read(first);
  LogTailer second(Source("*.log"));
  second.Scan(now_, sink_, [&](const FileId& id) { return first.Follows(id); });
  AppendFile(dir_ / "a.log", "one\n");
  EXPECT_THAT(Read(first), ElementsAre("one"));
  AppendFile(dir_ / "a.log", "two\n");
  const std::vector<FilePosition> positions = first.Positions();
  ASSERT_THAT(positions, SizeIs(1));
  EXPECT_TRUE(second.TakeOver(positions[0]));
  EXPECT_FALSE(second.TakeOver(positions[0]));
  EXPECT_THAT(second.Positions(),
              ElementsAre(testing::Field(&FilePosition::log, dir_ / "*.log")));
  EXPECT_THAT(Read(second), ElementsAre("two"));
}

TEST_F(LogTailerTest, TellsWhereItEndedInAFileThatItCloses) {
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  WriteFile(dir_ / "a.log", "one\ntorn");
  EXPECT_THAT(Read(tailer), ElementsAre("one"));
  fs::rename(dir_ / "a.log", dir_ / "a.log.1");
  EXPECT_THAT(Read(tailer), IsEmpty());
  EXPECT_THAT(tailer.TakeClosed(), IsEmpty());
  now_ += LogTailer::kAwayFor;
  EXPECT_THAT(Read(tailer), ElementsAre("torn"));
  EXPECT_THAT(tailer.TakeClosed(),
              ElementsAre(testing::Field(&FilePosition::offset, 8U)));
  EXPECT_THAT(tailer.TakeClosed(), IsEmpty());
}

TEST_F(LogTailerTest, GoesOnAsALogOfTheSameFiles) {
  LogSourceConfig source = Source("a.log");
  source.multi_line = {{"old", "\\["}};
  LogTailer tailer(source);
  Read(tailer);
  WriteFile(dir_ / "a.log", "[1] a\nb\n");
  EXPECT_THAT(Read(tailer), IsEmpty());
  source.source = "other";
  source.multi_line.clear();
  EXPECT_TRUE(tailer.Adopt(source));
  AppendFile(dir_ / "a.log", "c\n");
  EXPECT_THAT(Read(tailer), ElementsAre("[1] a\nb", "c"));
  source.exclude_paths = {"x"};
  EXPECT_FALSE(tailer.Adopt(source));
  source = Source("b.log");
  EXPECT_FALSE(tailer.Adopt(source));
}

TEST_F(LogTailerTest, NamesTheFoldersToWatch) {
  const LogTailer tailer(Source("x*/a.log"));
  EXPECT_THAT(tailer.Folders(),
              testing::UnorderedElementsAre(fs::path(dir_ / "x").parent_path(),
                                            dir_ / "x*"));
}

// A writer there is not seen in the link's folder.
TEST_F(LogTailerTest, NamesTheFolderThatALinkLeadsTo) {
  fs::create_directory(dir_ / "real");
  WriteFile(dir_ / "real/b.log", "");
  fs::create_symlink(dir_ / "real/b.log", dir_ / "a.log");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  const fs::path real = fs::canonical(dir_ / "real");
  EXPECT_THAT(tailer.Folders(),
              testing::UnorderedElementsAre(
                  fs::path(dir_ / "a.log").parent_path(), real));
}

}  // namespace
}  // namespace gunicorn_exporter
