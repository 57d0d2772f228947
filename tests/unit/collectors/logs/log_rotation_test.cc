// copytruncate: what the tailer makes of a cut file's copy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "collectors/logs/log_tailer.h"
#include "tests/unit/collectors/logs/log_tailer_fixture.h"

namespace gunicorn_exporter {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class LogRotationTest : public LogTailerTest {
 protected:
  void Append(const std::string& text) {
    AppendFile(dir_ / "a.log", Line(text) + "\n");
  }
  // As logrotate does with copytruncate and `rotate 3`.
  void CopyTruncate() {
    for (int i = 2; i > 0; --i) {
      const std::string old = dir_ / ("a.log." + std::to_string(i));
      if (fs::exists(old)) {
        fs::rename(old, dir_ / ("a.log." + std::to_string(i + 1)));
      }
    }
    // The copy is the youngest, as it is where there is more to be copied.
    WaitForALaterFileTime();
    fs::copy_file(dir_ / "a.log", dir_ / "a.log.1");
    fs::resize_file(dir_ / "a.log", 0);
  }
};

// With the path alone and with one that finds the copies, too.
class LogRotationPaths : public LogRotationTest,
                         public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Paths, LogRotationPaths,
                         testing::Values("a.log", "a.log*"));

TEST_P(LogRotationPaths, ReadsInTheCopyWhatWasNotReadOfACutFile) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source(GetParam()));
  Read(tailer);
  Append("one");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one")));
  Append("two");
  CopyTruncate();
  Append("three");
  EXPECT_THAT(Read(tailer),
              testing::UnorderedElementsAre(Line("two"), Line("three")));
  EXPECT_THAT(Read(tailer), IsEmpty());
  EXPECT_EQ(tailer.stats().truncations, 1U);
}

TEST_P(LogRotationPaths, CountsNothingTwiceOverManyCuts) {
  WriteFile(dir_ / "a.log", Line("old") + "\n");
  LogTailer tailer(Source(GetParam()));
  Read(tailer);
  for (int i = 0; i < 6; ++i) {
    const std::string number = std::to_string(i);
    Append("first " + number);
    EXPECT_THAT(Read(tailer), ElementsAre(Line("first " + number)));
    Append("second " + number);
    CopyTruncate();
    EXPECT_THAT(Read(tailer), ElementsAre(Line("second " + number)));
    EXPECT_THAT(Read(tailer), IsEmpty());
  }
}

TEST_P(LogRotationPaths, LeavesTheCopyAloneWhereAnOlderOneWasBefore) {
  WriteFile(dir_ / "a.log.1", Line("older") + "\n");
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source(GetParam()));
  Read(tailer);
  Append("one");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one")));
  CopyTruncate();
  EXPECT_THAT(Read(tailer), IsEmpty());
  Append("two");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("two")));
  CopyTruncate();
  EXPECT_THAT(Read(tailer), IsEmpty());
}

TEST_P(LogRotationPaths, FindsTheCopyThatWasMadeBetweenTwoProcesses) {
  WriteFile(dir_ / "a.log", "");
  LogTailer first(Source(GetParam()));
  Read(first);
  Append("one");
  EXPECT_THAT(Read(first), SizeIs(1));
  Append("two");
  CopyTruncate();
  Append("three");
  LogTailer second(Source(GetParam()), first.Positions());
  EXPECT_THAT(Read(second),
              testing::UnorderedElementsAre(Line("two"), Line("three")));
}

// As `cp a.log a.log.1; : > a.log` does, where a.log.1 is one of before.
TEST_P(LogRotationPaths, ReadsACopyThatIsWrittenOverAnEarlierOne) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source(GetParam()));
  Read(tailer);
  for (int i = 0; i < 6; ++i) {
    const std::string number = std::to_string(i);
    Append("first " + number);
    EXPECT_THAT(Read(tailer), ElementsAre(Line("first " + number)));
    // Every other time all was read before the cut.
    std::vector<std::string> rest;
    if (i % 2 == 0) rest = {Line("second " + number), Line("third " + number)};
    for (const std::string& line : rest)
      AppendFile(dir_ / "a.log", line + "\n");
    fs::copy_file(dir_ / "a.log", dir_ / "a.log.1",
                  fs::copy_options::overwrite_existing);
    std::vector<std::string> read;
    if (i > 2) read = Read(tailer);  // Between the copy and the cut.
    fs::resize_file(dir_ / "a.log", 0);
    for (const std::string& line : Read(tailer)) read.push_back(line);
    EXPECT_THAT(read, testing::ElementsAreArray(rest)) << i;
    EXPECT_THAT(Read(tailer), IsEmpty());
  }
}

// The copy lies beside what the link leads to, or beside the link.
TEST_F(LogRotationTest, FindsTheCopyOfALinkedFile) {
  fs::create_directory(dir_ / "real");
  const std::string log = dir_ / "real/a.log";
  fs::create_symlink(log, dir_ / "a.log");
  for (const bool is_restarted : {false, true}) {
    for (const char* copy : {"real/a.log.1", "a.log.1"}) {
      WriteFile(log, "");
      LogTailer first(Source("a.log"));
      Read(first);
      Append("one");
      EXPECT_THAT(Read(first), ElementsAre(Line("one")));
      Append("two");
      fs::copy_file(log, dir_ / copy);
      fs::resize_file(log, 0);
      Append("three");
      LogTailer second(Source("a.log"), first.Positions());
      EXPECT_THAT(Read(is_restarted ? second : first),
                  testing::UnorderedElementsAre(Line("two"), Line("three")))
          << copy << (is_restarted ? " after a restart" : "");
      fs::remove(dir_ / copy);
    }
  }
}

// A copy at a path that a position file knows from an earlier copy.
TEST_P(LogRotationPaths, FindsTheNextCopyBetweenTwoProcesses) {
  WriteFile(dir_ / "a.log", "");
  LogTailer first(Source(GetParam()));
  Read(first);
  Append("one");
  Read(first);
  CopyTruncate();
  Read(first);
  Append("two");
  EXPECT_THAT(Read(first), SizeIs(1));
  Append("three");
  CopyTruncate();
  Append("four");
  LogTailer second(Source(GetParam()), first.Positions());
  EXPECT_THAT(Read(second),
              testing::UnorderedElementsAre(Line("three"), Line("four")));
}

// Lines without a time are all alike, and so are the files' begins.
TEST_P(LogRotationPaths, ReadsARenamedLogsSuccessorThatBeginsAlike) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source(GetParam()));
  Read(tailer);
  for (int i = 3; i > 0; --i) {
    Append("same");
    fs::rename(dir_ / "a.log", dir_ / ("a.log." + std::to_string(i)));
    Append("same");
    EXPECT_THAT(Read(tailer), ElementsAre(Line("same"), Line("same")));
  }
}

TEST_F(LogRotationTest,
       FindsARenamedLogsSuccessorThatBeginsAlikeAfterARestart) {
  WriteFile(dir_ / "a.log", "");
  LogTailer first(Source("a.log"));
  Read(first);
  Append("same");
  EXPECT_THAT(Read(first), SizeIs(1));
  fs::rename(dir_ / "a.log", dir_ / "a.log.1");
  Append("same");
  Append("same");
  LogTailer second(Source("a.log"), first.Positions());
  EXPECT_THAT(Read(second), SizeIs(2));
}

TEST_F(LogRotationTest, EndsATornLineInTheCopy) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  AppendFile(dir_ / "a.log", Line("one") + "\ntorn ");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one")));
  AppendFile(dir_ / "a.log", "no more\n");
  CopyTruncate();
  EXPECT_THAT(Read(tailer), ElementsAre("torn no more"));
}

TEST_F(LogRotationTest, TakesTheYoungestOfTheCopiesThatFit) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source("a.log"));
  Read(tailer);
  Append("one");
  Read(tailer);
  // Of an older day, and alike as far as it was read.
  fs::copy_file(dir_ / "a.log", dir_ / "a.log.1");
  AppendFile(dir_ / "a.log.1", "old\n");
  Append("two");
  CopyTruncate();
  Read(tailer);
  EXPECT_THAT(messages_, testing::Not(testing::Contains("old")));
}

TEST_F(LogRotationTest, TakesNoOtherLogForTheCopy) {
  LogTailer tailer(Source("*.log"));
  Read(tailer);
  Append("one");
  Read(tailer);
  WriteFile(dir_ / "b.log", "the other one, long enough to be told\n");
  Read(tailer);
  // By chance it goes on like the other's copy would.
  WriteFile(dir_ / "b.log", Line("one") + "\nb\n");
  EXPECT_THAT(Read(tailer), ElementsAre(Line("one"), "b"));
  fs::resize_file(dir_ / "a.log", 0);
  EXPECT_THAT(Read(tailer), IsEmpty());
}

TEST_F(LogRotationTest, LeavesACopyAloneThatIsLongInTheMaking) {
  WriteFile(dir_ / "a.log", "");
  LogTailer tailer(Source("a.log*"));
  Read(tailer);
  std::string text;
  for (int i = 0; i < 100; ++i) text += Line(std::to_string(i)) + "\n";
  AppendFile(dir_ / "a.log", text);
  EXPECT_THAT(Read(tailer), SizeIs(100));
  for (std::size_t part = 1; part <= 4; ++part) {
    WriteFile(dir_ / "a.log.1", text.substr(0, text.size() * part / 4));
    EXPECT_THAT(Read(tailer), IsEmpty()) << part;
    now_ += 2 * FollowedFile::kCopyTime;
  }
  fs::resize_file(dir_ / "a.log", 0);
  EXPECT_THAT(Read(tailer), IsEmpty());
  EXPECT_THAT(Read(tailer), IsEmpty());
}

}  // namespace
}  // namespace gunicorn_exporter
