// One log file that is being read from a place on, while others write to it.
//
// It is read by its descriptor: a renamed or deleted file is read to its end.
// A file that was cut (copytruncate) is seen by its size, or by the bytes
// before the place, which are then others: Read stops there, and BeginAgain
// goes on from the begin. (Not seen: one that grew past the place again before
// the next look, and with the very same bytes.) Not thread safe.
#pragma once

#include <time.h>  // NOLINT(modernize-deprecated-headers): timespec.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/logs/log_counts.h"
#include "collectors/logs/message_assembler.h"
#include "collectors/logs/position_file.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

class TailedFile {
 public:
  using Clock = MessageAssembler::Clock;
  using Sink = MessageAssembler::Sink;

  // `rules` must outlive it.
  TailedFile(FileDescriptor fd, std::string path, FileId id,
             const MessageRules& rules);

  // Before the first read.
  void StartAt(std::uint64_t offset);
  // Goes on where an earlier process stopped; from the begin, and false, where
  // the bytes before that place are others now, or gone where it could not
  // read them.
  bool Resume(const FilePosition& position);

  // Reads at most about `max_bytes`. True when there may be more, or where the
  // file was cut.
  bool Read(std::size_t max_bytes, Clock::time_point now, const Sink& sink,
            ReadStats& stats);
  bool is_cut() const { return is_cut_; }
  // What a copy of the content has before the next byte that is to be read; a
  // cut file has it no more.
  FilePosition CutPlace() const;
  // The same place, before what is unfinished: the line and the message.
  std::uint64_t UnfinishedOffset() const {
    return assembler_.PendingOffset(line_offset_);
  }
  // Once it is cut. `rest_is_read_elsewhere`: what is unfinished is dropped;
  // else it is given out as it is.
  void BeginAgain(bool rest_is_read_elsewhere, Clock::time_point now,
                  const Sink& sink, ReadStats& stats);
  // Gives out what has no line end and what waits: nothing will follow.
  void Finish(Clock::time_point now, const Sink& sink, ReadStats& stats);

  FilePosition Position() const;  // Without `log`.
  const std::string& path() const { return path_; }
  void set_path(std::string path) { path_ = std::move(path); }
  // Where it lies now: without links, and after a rename. " (deleted)" stands
  // behind it where it is; empty where /proc does not tell.
  std::string RealPath() const;
  FileId id() const { return id_; }
  Clock::time_point last_growth() const { return last_growth_; }

  // Whether the file begins as `head` does, by at least kMinHeadBytes.
  bool BeginsLike(std::string_view head) const;
  // The same of what was in it before it was cut.
  bool BeganLike(std::string_view head) const;
  // Whether what stands before the place is in the file, from its begin on.
  bool HasPlace(const FilePosition& place) const;
  // Whether it still has what was read of it.
  bool IsWhole() const { return HasPlace(CutPlace()); }
  // Whether the last bytes are those of `other` at the same place.
  bool EndsWithin(const TailedFile& other) const;
  // The first bytes, read now; fewer than kHeadBytes where there are no more.
  std::string ReadHead() const;
  std::uint64_t ReadSize() const;

  static constexpr std::size_t kHeadBytes = 1024;
  static constexpr std::size_t kMinHeadBytes = 32;

 private:
  void AddBytes(std::string_view bytes, Clock::time_point now, const Sink& sink,
                ReadStats& stats);
  void RememberTail(std::string_view bytes);
  // Fewer bytes at the end of the file; empty optional: an error.
  std::optional<std::string> ReadAt(std::uint64_t offset,
                                    std::size_t size) const;

  const FileDescriptor fd_;
  std::string path_;
  const FileId id_;
  MessageAssembler assembler_;

  std::uint64_t offset_ = 0;  // Of the next byte to read.
  std::string line_;          // The begin of a line whose end is not there yet.
  std::uint64_t line_offset_ = 0;
  bool line_is_cut_ = false;
  bool is_cut_ = false;
  std::string tail_;           // The last bytes before offset_.
  std::string head_;           // At most kHeadBytes, of the present content.
  std::string previous_head_;  // Of the content before the file was cut.
  timespec seen_mtime_{};      // At the last read.
  Clock::time_point last_growth_;
};

}  // namespace gunicorn_exporter
