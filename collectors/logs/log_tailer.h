// The files of one `logs` entry: finds them by its path, which may be a glob,
// and follows each through rotation.
//
// A file that is there at the first scan is read from its end on, a later one,
// and one that came since an earlier process stopped, from its begin. A file
// that was renamed or deleted is read on until nobody has written to it for a
// minute. Where it comes back (`current` leads to an earlier release again), it
// is read on from there. Where it may not look into the folder, what lies there
// later counts as there at the first scan.
//
// With copytruncate, a cut file's copy is looked for in its folder, and what
// was not read of the file is read there. What is written between logrotate's
// copy and its cut is in neither file: that is lost by logrotate itself, and
// counts only where it was read in between. So no line counts twice, and all
// lines of both files count. But: where there is no copy to be found (another
// folder; a copy that is compressed and gone before the next look, which is
// 20 ms after the cut, 250 ms where inotify(7) does not work; less than 32
// bytes in the file at the last look), what was written since the last look is
// lost, too. While no process looked, one rotation is made up for by a position
// file; of several those in the middle are not found.
//
// With copytruncate a path such as "access.log*" also finds the copy. A new
// file that begins as a known one waits: when that one is cut, it was the copy
// and is left alone but for its rest. It is a log and is read whole as soon as
// it ends otherwise than the known one does at the same place, or where nothing
// happens for five seconds and it is not named after the known one. A new file
// with a NUL byte in its begin (compressed) is left alone, too. All of this
// does not hold for a path without a wildcard: what lies there is the log.
//
// Not thread safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "collectors/logs/followed_file.h"
#include "collectors/logs/message_assembler.h"
#include "collectors/logs/position_file.h"
#include "collectors/logs/tailed_file.h"
#include "config/config.h"

namespace gunicorn_exporter {

class LogTailer {
 public:
  using Clock = MessageAssembler::Clock;
  using Sink = MessageAssembler::Sink;

  // Whether another log reads this file.
  using IsOthers = std::function<bool(const FileId& id)>;

  // `positions` are those of an earlier process that followed this log; empty:
  // none did.
  explicit LogTailer(
      const LogSourceConfig& source,
      std::optional<std::vector<FilePosition>> positions = std::nullopt);

  // Goes on as this log, where it has the same files. False: it has not.
  bool Adopt(const LogSourceConfig& source);
  // Looks which files there are.
  // `is_others` may be null.
  void Scan(Clock::time_point now, const Sink& sink,
            const IsOthers& is_others = nullptr);
  // Reads a bounded part of each file. True when there may be more.
  bool Read(Clock::time_point now, const Sink& sink);
  // Where each file is to be read on; those that wait, see above, are left out.
  std::vector<FilePosition> Positions() const;
  // The folders in which a change may bring work; some may not exist.
  std::set<std::string> Folders() const;

  // Goes on in a file that both had where another log ended, which reads it no
  // more. False: this one does not have the file.
  bool TakeOver(const FilePosition& position);
  // Where it ended in the files that it has closed since the last call.
  std::vector<FilePosition> TakeClosed();
  // Of them those that no other log reads: where to go on, should they be
  // listed again.
  void KeepClosed(std::vector<FilePosition> closed);
  bool Follows(const FileId& id) const;

  const LogSourceConfig& source() const { return source_; }
  // Of its messages.
  const LogParser& parser() const { return rules_.parser(); }
  std::size_t open_files() const { return files_.size(); }
  const ReadStats& stats() const { return stats_; }

  static constexpr std::size_t kMaxFiles = 256;
  static constexpr std::chrono::seconds kAwayFor{60};

 private:
  // One that cannot be opened, or one too many.
  struct Unreadable {
    std::string path;
    std::uint64_t start = 0;  // Where to begin, once it opens.
  };

  void Visit(const std::string& path, const IsOthers& is_others);
  // Whether a new file there is no copy: no glob found it, or a log lay there.
  bool IsLogPath(const std::string& path) const;
  void Open(const std::string& path, const FileId& id, std::uint64_t size);
  // Where an earlier process stopped in the file.
  std::vector<FilePosition>::iterator FindPosition(const TailedFile& file);
  // Reads on in the copy of a file that was cut, from `offset`. The new entry
  // of files_, where it is one, is put into `found`. False: there is no copy.
  bool FollowCopy(const FilePosition& place, std::uint64_t offset,
                  std::vector<FollowedFile>& found);
  // A copy whose content another one has taken the place of is again one that
  // FollowCopy may find.
  void LeaveOverwrittenCopies(Clock::time_point now, const Sink& sink);
  std::uint64_t StartOf(const FileId& id, std::uint64_t size) const;
  void CloseAway(Clock::time_point now, const Sink& sink);
  void ForgetOld(const std::vector<std::string>& paths);
  void ReportFailure(const std::string& path, int error);

  LogSourceConfig source_;
  MessageRules rules_;
  std::vector<FollowedFile> files_;  // In the order in which they were found.
  // Not opened again yet; of closed ones at most kMaxFiles, the oldest first.
  std::vector<FilePosition> positions_;
  std::set<std::string> log_paths_;  // Where a file has grown: no copies.
  std::map<FileId, Unreadable> unreadable_;
  std::set<std::string> failing_paths_;  // Reported.
  std::set<FileId> others_;  // Listed, but read by another log, now or before.
  std::vector<FilePosition> closed_;
  bool is_overlap_reported_ = false;
  bool has_scanned_ = false;
  bool was_followed_ = false;  // By an earlier process.
  ReadStats stats_;
};

}  // namespace gunicorn_exporter
