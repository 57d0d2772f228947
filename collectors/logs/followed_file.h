// A file that the path of a log leads, or led, to; and whether it is a log at
// all. See log_tailer.h. Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "collectors/logs/tailed_file.h"

namespace gunicorn_exporter {

struct FollowedFile {
  using Clock = TailedFile::Clock;

  enum class Use {
    kUnknown,   // New; nothing is in it yet.
    kRead,      // A log.
    kSuspect,   // Begins as another one does.
    kLeftAlone  // A copy, or no text.
  };

  // Finds out what a file is that is kUnknown or kSuspect. `files` are all of
  // the log, this one among them.
  void Judge(const std::vector<FollowedFile>& files, Clock::time_point now);

  // Between the last byte of a copy and the cut, at most.
  static constexpr std::chrono::seconds kCopyTime{5};

  std::unique_ptr<TailedFile> tail;
  Use use = Use::kUnknown;
  bool is_copy = false;          // Its rest is read, see FollowCopy.
  bool is_listed = false;        // The log's path leads to it.
  Clock::time_point away_since;  // Where it is not listed.
  // Of a kSuspect: how large it is, and since when.
  std::uint64_t suspect_size = 0;
  Clock::time_point unchanged_since;
};

}  // namespace gunicorn_exporter
