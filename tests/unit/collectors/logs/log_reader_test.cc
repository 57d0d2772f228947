// Several entries, and what their files' lines count as; at made-up times.
#include "collectors/logs/log_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "collectors/logs/log_counts.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

const std::string kRequest =
    "h - - [22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\" 200 2\n";

// How many requests each app has.
class RequestSink : public EventSink {
 public:
  bool AddFromLog(const AppId& app, std::span<const Event>) override {
    ++requests[app.name];
    return true;
  }

  std::map<std::string, int> requests;
};

class LogReaderTest : public testing::Test {
 protected:
  void AddLog(const std::string& path, const std::string& service) {
    LogSourceConfig& log = config_.logs.emplace_back();
    log.path = path;
    log.service = service;
  }

  void Read(LogReader& reader) {
    reader.Scan(now_);
    while (reader.Read(now_)) {
    }
  }

  // How many lines fitted nothing, by reason; those of none are left out.
  std::map<std::string, double> UnmatchedLines() const {
    std::map<std::string, double> lines;
    for (const MetricFamily& family : counts_.Collect(config_)) {
      if (family.name != "gunicorn_exporter_logs_unmatched_lines_total")
        continue;
      for (const Series& series : family.series) {
        if (series.value > 0) lines[series.own->text()] += series.value;
      }
    }
    return lines;
  }

  const TempDir dir_;
  RequestSink sink_;
  LogCounts counts_;
  Config config_;
  LogReader::Clock::time_point now_{std::chrono::hours(1)};
};

// The first entry closes a rotated file after a minute; another one has it
// still, and goes on where that one ended.
TEST_F(LogReaderTest, ReadsARotatedFileOfTwoEntriesOnceOverARestart) {
  for (const bool is_glob_first : {false, true}) {
    const std::string log = dir_ / (is_glob_first ? "a.log" : "b.log");
    config_.logs.clear();
    AddLog(log, "shop");
    AddLog(log + ".*", "rest");
    AddLog(log + ".1", "none");
    if (is_glob_first) std::swap(config_.logs[0], config_.logs[1]);
    sink_.requests.clear();
    LogReader first(counts_, sink_, nullptr);
    first.Configure(config_);
    Read(first);
    AppendFile(log, kRequest + kRequest);
    Read(first);
    std::filesystem::rename(log, log + ".1");
    Read(first);
    now_ += LogTailer::kAwayFor;
    Read(first);
    Read(first);
    EXPECT_EQ(sink_.requests["shop"], 2);
    LogReader second(counts_, sink_, nullptr);
    second.Configure(config_, first.Positions());
    Read(second);
    EXPECT_EQ(sink_.requests["rest"], 0);
    // What is written late counts, too.
    AppendFile(log + ".1", kRequest);
    Read(first);
    EXPECT_EQ(sink_.requests["rest"], 1);
    Read(second);
    EXPECT_EQ(sink_.requests["rest"], 2);
    EXPECT_EQ(sink_.requests["shop"], 2);
    EXPECT_EQ(sink_.requests["none"], 0);
  }
}

// `current` leads to the running release's folder: a roll-back brings a file
// again that has been closed.
class LogReaderReleaseTest : public LogReaderTest {
 protected:
  LogReaderReleaseTest() {
    for (const char* release : {"A", "B"})
      std::filesystem::create_directory(dir_ / release);
    AddLog(dir_ / "current/a.log", "shop");
  }
  void Deploy(const std::string& release) {
    std::filesystem::remove(dir_ / "current");
    std::filesystem::create_symlink(dir_ / release, dir_ / "current");
  }
  // Two requests of release A count, and then it is left for B.
  void CountAndLeaveA(LogReader& reader) {
    reader.Configure(config_);
    Read(reader);
    Deploy("A");
    AppendFile(dir_ / "A/a.log", kRequest + kRequest);
    Read(reader);
    Deploy("B");
  }
  void ReadOverAQuietMinute(LogReader& reader) {
    Read(reader);
    now_ += LogTailer::kAwayFor;
    Read(reader);
  }
};

TEST_F(LogReaderReleaseTest, CountsAFileThatWasAwayForAMinuteOnce) {
  LogReader first(counts_, sink_, nullptr);
  CountAndLeaveA(first);
  AppendFile(dir_ / "B/a.log", kRequest);
  ReadOverAQuietMinute(first);
  EXPECT_EQ(sink_.requests["shop"], 3);
  // A restart in between changes nothing, and does not open it.
  LogReader second(counts_, sink_, nullptr);
  second.Configure(config_, first.Positions());
  ReadOverAQuietMinute(second);
  LogReader third(counts_, sink_, nullptr);
  third.Configure(config_, second.Positions());
  Deploy("A");
  AppendFile(dir_ / "A/a.log", kRequest);
  for (LogReader* reader : {&first, &second, &third}) {
    sink_.requests.clear();
    Read(*reader);
    EXPECT_EQ(sink_.requests["shop"], 1);
  }
}

// The number of a file that was deleted is free for any other.
TEST_F(LogReaderReleaseTest, ReadsWhollyWhatTookTheNumberOfAClosedFile) {
  LogReader reader(counts_, sink_, nullptr);
  CountAndLeaveA(reader);
  ReadOverAQuietMinute(reader);
  WriteFile(dir_ / "A/a.log", "x" + kRequest + "y" + kRequest + kRequest);
  Deploy("A");
  Read(reader);
  EXPECT_EQ(sink_.requests["shop"], 5);
}

// Else a log that is rotated for years would fill memory and position file.
TEST_F(LogReaderReleaseTest, ForgetsAClosedFileThatIsGone) {
  LogReader reader(counts_, sink_, nullptr);
  reader.Configure(config_);
  Read(reader);
  Deploy("A");
  for (int i = 0; i < 3; ++i) {
    AppendFile(dir_ / "A/a.log", kRequest);
    Read(reader);
    std::filesystem::rename(dir_ / "A/a.log", dir_ / "A/a.log.1");
    ReadOverAQuietMinute(reader);
    EXPECT_EQ(reader.Positions().files.size(), 1U);
  }
}

// Some of a traceback's lines fit the pattern, with a level that is none.
TEST_F(LogReaderTest,
       TakesATracebackThatFitsAnErrorPatternForAPartOfItsMessage) {
  AddLog(dir_ / "a.log", "shop");
  config_.logs[0].error_pattern = "(?P<level>\\w+):? (?P<message>.*)";
  LogReader reader(counts_, sink_, nullptr);
  reader.Configure(config_);
  Read(reader);
  AppendFile(dir_ / "a.log",
             "ERROR: x\nTraceback (most recent call last):\n"
             "  File \"a.py\", line 1, in x\n    foo()\n"
             "ValueError: x\n\n"
             "During handling of the above exception, another exception "
             "occurred:\n\n"
             "Traceback (most recent call last):\n"
             "  File \"a.py\", line 1\nKeyError: 'a'\n"
             "WARNING: x\nNOTICE: x\n");
  Read(reader);
  const std::map<std::string, double> expected = {
      {"reason=\"unknown_level\"", 1}};
  EXPECT_EQ(UnmatchedLines(), expected);
}

TEST_F(LogReaderTest, CountsEachLineThatAMultiLineRuleDoesNotMatch) {
  AddLog(dir_ / "a.log", "shop");
  config_.logs[0].multi_line = {{"other", "<\\d+>"}};
  LogReader reader(counts_, sink_, nullptr);
  reader.Configure(config_);
  Read(reader);
  AppendFile(dir_ / "a.log",
             kRequest + kRequest + kRequest +
                 "[2026-11-22 05:33:16 +0000] [7] [ERROR] Error handling "
                 "request /\nTraceback (most recent call last):\n"
                 "  File \"a.py\", line 1, in x\nValueError: x\n" +
                 kRequest);
  Read(reader);
  EXPECT_EQ(sink_.requests["shop"], 4);
  EXPECT_TRUE(UnmatchedLines().empty());
}

}  // namespace
}  // namespace gunicorn_exporter
