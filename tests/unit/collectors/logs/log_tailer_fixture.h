// A folder with logs, and what a tailer reads of them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/logs/log_tailer.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {

// More than a head's least bytes, so that copies can be told.
inline std::string Line(const std::string& text) {
  return text + " - - [22/Nov/2026:05:33:19 +0000] \"GET / HTTP/1.1\"";
}

// What is written after it has a later time than what was written before: the
// clock that files get their times from goes in steps of some milliseconds.
inline void WaitForALaterFileTime() {
  const TempDir dir;
  const auto time_of_a_write = [file = dir / "file"] {
    WriteFile(file, "x");
    return std::filesystem::last_write_time(file);
  };
  const auto before = time_of_a_write();
  while (time_of_a_write() == before) {
  }
}

class LogTailerTest : public testing::Test {
 protected:
  // Scans, reads all there is, and gives what came since the last time.
  std::vector<std::string> Read(LogTailer& tailer) {
    messages_.clear();
    tailer.Scan(now_, sink_);
    while (tailer.Read(now_, sink_)) {
    }
    now_ += std::chrono::milliseconds(10);
    return messages_;
  }

  // a.log, new and empty, then with this line, which comes.
  void ReadFirstLine(LogTailer& tailer, const std::string& line) {
    WriteFile(dir_ / "a.log", "");
    Read(tailer);
    AppendFile(dir_ / "a.log", line + "\n");
    EXPECT_THAT(Read(tailer), testing::ElementsAre(line));
  }

  LogSourceConfig Source(const std::string& pattern) const {
    LogSourceConfig source;
    source.path = dir_ / pattern;
    return source;
  }

  // a.log, in which a message begins with a number: "[1] a".
  LogSourceConfig NumberedMessages() const {
    LogSourceConfig source = Source("a.log");
    source.multi_line = {{"number", "\\[\\d+\\]"}};
    return source;
  }

  const TempDir dir_;
  LogTailer::Clock::time_point now_{std::chrono::hours(1)};
  std::vector<std::string> messages_;
  const LogTailer::Sink sink_ = [this](std::string_view message, Traceback&) {
    messages_.emplace_back(message);
  };
};

}  // namespace gunicorn_exporter
