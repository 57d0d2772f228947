// What a parser makes of a line, and how a failed test shows it.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

#include "collectors/logs/log_parser.h"

namespace gunicorn_exporter {

inline void PrintTo(const AccessLine& line, std::ostream* out) {
  *out << "status " << line.status;
  if (line.duration_seconds) *out << " in " << *line.duration_seconds << " s";
  if (line.has_unread_duration) *out << " and a duration without a unit";
}

inline void PrintTo(const ErrorLine& line, std::ostream* out) {
  *out << kErrorLevelNames[static_cast<std::size_t>(line.level)];
  if (line.event)
    *out << " " << kWorkerEventNames[static_cast<std::size_t>(*line.event)];
}

inline void PrintTo(Unmatched reason, std::ostream* out) {
  *out << kUnmatchedNames[static_cast<std::size_t>(reason)];
}

inline void ExpectDuration(const AccessLine& access, const AccessLine& expected,
                           const std::string& line) {
  ASSERT_EQ(access.duration_seconds.has_value(),
            expected.duration_seconds.has_value())
      << line;
  if (access.duration_seconds) {
    EXPECT_DOUBLE_EQ(*access.duration_seconds, *expected.duration_seconds)
        << line;
  }
}

inline LogLine Parse(std::string_view line,
                     const LogSourceConfig& source = {}) {
  return LogParser(source).Parse(line);
}

}  // namespace gunicorn_exporter
