#include "collectors/logs/log_tailer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "collectors/logs/find_rotated.h"
#include "collectors/logs/log_paths.h"
#include "config/base/error_text.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

// Of one file at a time, so that none starves another.
constexpr std::size_t kBytesPerRead = 256 * 1024;
using Use = FollowedFile::Use;

// The file of that id in `files`, which may be const.
template <typename Files>
auto FindById(Files& files, const FileId& id) {
  return std::find_if(
      files.begin(), files.end(),
      [&id](const FollowedFile& file) { return file.tail->id() == id; });
}

}  // namespace

LogTailer::LogTailer(const LogSourceConfig& source,
                     std::optional<std::vector<FilePosition>> positions)
    : source_(source), rules_(source), was_followed_(positions.has_value()) {
  if (positions) positions_ = *std::move(positions);
}

bool LogTailer::Adopt(const LogSourceConfig& source) {
  if (source.path != source_.path ||
      source.exclude_paths != source_.exclude_paths) {
    return false;
  }
  source_ = source;
  rules_ = MessageRules(source);
  return true;
}

bool LogTailer::Follows(const FileId& id) const {
  return FindById(files_, id) != files_.end();
}

bool LogTailer::TakeOver(const FilePosition& position) {
  if (others_.erase(position.id) == 0) return false;
  positions_.push_back(position);
  positions_.back().log = source_.path;
  return true;
}

std::vector<FilePosition> LogTailer::TakeClosed() {
  return std::exchange(closed_, {});
}

void LogTailer::KeepClosed(std::vector<FilePosition> closed) {
  if (closed.empty()) return;
  for (FilePosition& position : closed) {
    if (position.tail.empty()) continue;  // Nothing was read, nor is lost.
    position.log = source_.path;
    position.head.clear();  // It is large, and its copy is not looked for.
    position.is_closed = true;
    positions_.push_back(std::move(position));
  }
  // What is gone, or renamed since as rotation does, does not come back.
  std::erase_if(positions_, [](const FilePosition& position) {
    struct stat status {};
    return position.is_closed &&
           (stat(position.real_path.c_str(), &status) != 0 ||
            IdOf(status).inode != position.id.inode);
  });
  auto too_many = std::count_if(positions_.begin(), positions_.end(),
                                std::mem_fn(&FilePosition::is_closed)) -
                  static_cast<std::ptrdiff_t>(kMaxFiles);
  std::erase_if(positions_, [&too_many](const FilePosition& position) {
    return position.is_closed && too_many-- > 0;
  });
}

std::set<std::string> LogTailer::Folders() const {
  std::set<std::string> folders;
  // Of "/a/*/b.log" also "/a", where a new folder would appear.
  folders.insert(FixedFolderOf(source_.path));
  folders.insert(FolderOf(source_.path));
  for (const FollowedFile& file : files_) {
    folders.insert(FolderOf(file.tail->path()));
    // Where a link leads to.
    if (const std::string path = file.tail->RealPath(); !path.empty())
      folders.insert(FolderOf(path));
  }
  return folders;
}

void LogTailer::Scan(Clock::time_point now, const Sink& sink,
                     const IsOthers& is_others) {
  const std::vector<std::string> paths = ListLogPaths(source_);
  if (paths.empty() && MayNotLook(source_.path)) {
    // What lies there is not known: all stays as it is.
    ReportFailure(source_.path, EACCES);
    return;
  }
  for (FollowedFile& file : files_) file.is_listed = false;
  const std::set<FileId> others = std::exchange(others_, {});
  for (const std::string& path : paths) {
    Visit(path, [&](const FileId& id) {
      // Also once the other one has closed it.
      return others.contains(id) || (is_others != nullptr && is_others(id));
    });
  }
  if (!has_scanned_) {
    // What lies elsewhere now was rotated while nobody looked.
    const std::vector<FilePosition> rest = std::exchange(positions_, {});
    for (const FilePosition& position : rest) {
      if (position.is_closed ||
          std::any_of(unreadable_.begin(), unreadable_.end(),
                      [&position](const auto& file) {
                        return file.first == position.id ||
                               file.second.path == position.path;
                      })) {
        positions_.push_back(position);  // For when it opens.
        continue;
      }
      FollowedFile file;
      file.tail = FindRenamed(position, rules_);
      if (file.tail == nullptr || Follows(file.tail->id()) ||
          (is_others != nullptr && is_others(file.tail->id()))) {
        continue;
      }
      file.use = Use::kRead;
      // Older than what lies in its place now: it is read first.
      files_.insert(files_.begin(), std::move(file));
    }
    has_scanned_ = true;
  }
  CloseAway(now, sink);
  ForgetOld(paths);
}

// What was only remembered must not grow for ever under names with a date.
void LogTailer::ForgetOld(const std::vector<std::string>& paths) {
  constexpr std::size_t kMany = 1024;
  if (std::max(log_paths_.size(), unreadable_.size()) > kMany) {
    const std::set<std::string> listed(paths.begin(), paths.end());
    std::erase_if(log_paths_, [&](const std::string& path) {
      return !listed.contains(path);
    });
    std::erase_if(unreadable_, [&](const auto& file) {
      return !listed.contains(file.second.path);
    });
  }
  if (failing_paths_.size() > kMany) failing_paths_.clear();
}

void LogTailer::Visit(const std::string& path, const IsOthers& is_others) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) ReportFailure(path, errno);
    return;
  }
  if (!S_ISREG(status.st_mode)) {
    ReportFailure(path, S_ISDIR(status.st_mode) ? EISDIR : ESPIPE);
    return;
  }
  const FileId id = IdOf(status);
  if (const auto file = FindById(files_, id); file != files_.end()) {
    file->is_listed = true;
    file->tail->set_path(path);
    return;
  }
  if (is_others(id)) {
    others_.insert(id);
    if (!std::exchange(is_overlap_reported_, true)) {
      LogEvent(LogLevel::kWarn, "log_file_of_two_entries",
               {{"path", path},
                {"entry", source_.path},
                {"reason", "another entry reads the file"}});
    }
    return;
  }
  Open(path, id, static_cast<std::uint64_t>(status.st_size));
}

std::uint64_t LogTailer::StartOf(const FileId& id, std::uint64_t size) const {
  if (const auto earlier = unreadable_.find(id); earlier != unreadable_.end())
    return earlier->second.start;
  if (has_scanned_ || was_followed_) return 0;
  return size;
}

bool LogTailer::IsLogPath(const std::string& path) const {
  if (!IsGlob(source_.path)) return true;
  if (log_paths_.contains(path)) return true;
  // What lay there until now may have grown since it was read last.
  return std::any_of(
      files_.begin(), files_.end(), [&](const FollowedFile& file) {
        return file.use == Use::kRead && !file.is_copy &&
               file.tail->path() == path &&
               file.tail->ReadSize() > file.tail->UnfinishedOffset();
      });
}

// A number of a device lasts until the machine, a container or a mount starts
// anew; that of a file in it may change with it (overlayfs).
std::vector<FilePosition>::iterator LogTailer::FindPosition(
    const TailedFile& file) {
  const auto find = [this](auto&& is_it) {
    return std::find_if(positions_.begin(), positions_.end(), is_it);
  };
  const FileId id = file.id();
  const auto same =
      find([&](const FilePosition& position) { return position.id == id; });
  if (same != positions_.end()) return same;
  return find([&](const FilePosition& position) {
    return position.path == file.path() && position.id.device != id.device &&
           (position.id.inode == id.inode || file.HasPlace(position));
  });
}

void LogTailer::Open(const std::string& path, const FileId& id,
                     std::uint64_t size) {
  const std::uint64_t start = StartOf(id, size);
  if (files_.size() >= kMaxFiles) {
    unreadable_[id] = {path, start};
    ReportFailure(path, EMFILE);
    return;
  }
  FileDescriptor fd = OpenLog(path, id);
  if (!fd) {
    const int error = errno;
    // Gone or replaced meanwhile; the next scan finds what is there.
    if (error == ENOENT || error == 0) return;
    unreadable_[id] = {path, start};
    ReportFailure(path, error);
    return;
  }
  unreadable_.erase(id);
  failing_paths_.erase(path);

  FollowedFile file;
  file.is_listed = true;
  file.tail = std::make_unique<TailedFile>(std::move(fd), path, id, rules_);
  const auto saved = FindPosition(*file.tail);
  std::vector<FollowedFile> copies;
  const bool is_known = saved != positions_.end();
  const bool is_same = is_known && file.tail->Resume(*saved);
  // Where a closed one's bytes are others, a new file has got its number.
  if (is_same || (is_known && !saved->is_closed)) {
    saved->id = id;
    saved->real_path = file.tail->RealPath();
    if (!is_same) FollowCopy(*saved, saved->offset, copies);
    file.use = Use::kRead;
  } else {
    file.tail->StartAt(start);
    // A file that takes the place of another is no copy, nor is one that was
    // there before us.
    if (!was_followed_ && !has_scanned_) file.use = Use::kRead;
    if (start != 0 || IsLogPath(path)) file.use = Use::kRead;
  }
  if (is_known) positions_.erase(saved);
  LogEvent(LogLevel::kInfo, "log_file_opened",
           {{"path", path},
            {"offset_bytes", std::to_string(file.tail->Position().offset)}});
  std::move(copies.begin(), copies.end(), std::back_inserter(files_));
  files_.push_back(std::move(file));
}

bool LogTailer::FollowCopy(const FilePosition& place, std::uint64_t offset,
                           std::vector<FollowedFile>& found) {
  auto copy = FindCopy(place, rules_, [&](const FileId& id) {
    const auto known = FindById(files_, id);
    return known != files_.end() && known->use == Use::kRead;
  });
  if (copy == nullptr) return false;
  copy->StartAt(offset);
  const auto known = FindById(files_, copy->id());
  FollowedFile& file = known != files_.end() ? *known : found.emplace_back();
  file.tail = std::move(copy);
  file.use = Use::kRead;
  file.is_copy = true;
  LogEvent(
      LogLevel::kDebug, "log_copy_found",
      {{"path", file.tail->path()}, {"offset_bytes", std::to_string(offset)}});
  return true;
}

void LogTailer::LeaveOverwrittenCopies(Clock::time_point now,
                                       const Sink& sink) {
  for (FollowedFile& file : files_) {
    if (!file.is_copy || file.use != Use::kRead ||
        file.tail->HasPlace(file.tail->CutPlace())) {
      continue;
    }
    file.tail->Finish(now, sink, stats_);
    file.use = Use::kLeftAlone;
  }
}

void LogTailer::CloseAway(Clock::time_point now, const Sink& sink) {
  std::erase_if(files_, [&](FollowedFile& file) {
    if (file.is_listed) {
      file.away_since = {};
      return false;
    }
    if (file.away_since == Clock::time_point{}) file.away_since = now;
    const auto quiet_since =
        std::max(file.away_since, file.tail->last_growth());
    if (now - quiet_since < kAwayFor) return false;
    if (file.use == Use::kRead) file.tail->Finish(now, sink, stats_);
    if (file.use != Use::kSuspect) closed_.push_back(file.tail->Position());
    return true;
  });
}

bool LogTailer::Read(Clock::time_point now, const Sink& sink) {
  bool has_more = false;
  std::vector<FollowedFile> copies;
  for (FollowedFile& file : files_) {
    file.Judge(files_, now);
    if (file.use == Use::kLeftAlone) file.tail->StartAt(file.tail->ReadSize());
    if (file.use != Use::kRead) continue;
    TailedFile& tail = *file.tail;
    has_more = tail.Read(kBytesPerRead, now, sink, stats_) || has_more;
    if (tail.is_cut()) {
      LeaveOverwrittenCopies(now, sink);
      if (file.use != Use::kRead) continue;  // It was one.
      const bool has_copy =
          FollowCopy(tail.CutPlace(), tail.UnfinishedOffset(), copies);
      tail.BeginAgain(has_copy, now, sink, stats_);
    }
    if (!file.is_copy && tail.last_growth() == now)
      log_paths_.insert(tail.path());
  }
  std::move(copies.begin(), copies.end(), std::back_inserter(files_));
  return has_more;
}

std::vector<FilePosition> LogTailer::Positions() const {
  std::vector<FilePosition> positions = positions_;
  for (const FollowedFile& file : files_) {
    // Where to read on in it is not known before it is judged.
    if (file.use == Use::kSuspect) continue;
    FilePosition& position = positions.emplace_back(file.tail->Position());
    position.log = source_.path;
  }
  // Else the next process takes what is in them for new.
  for (const auto& [id, file] : unreadable_) {
    if (file.start == 0) continue;
    FilePosition& position = positions.emplace_back();
    position.log = source_.path;
    position.path = file.path;
    position.id = id;
    position.offset = file.start;
  }
  return positions;
}

void LogTailer::ReportFailure(const std::string& path, int error) {
  ++stats_.open_errors;
  if (!failing_paths_.insert(path).second) return;
  LogEvent(LogLevel::kWarn, "log_file_unreadable",
           {{"path", path}, {"error", ErrorText(error)}});
}

}  // namespace gunicorn_exporter
