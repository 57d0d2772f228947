#include "collectors/logs/tailed_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kTailBytes = 64;
constexpr std::size_t kChunkBytes = 64 * 1024;

bool SameBegin(std::string_view a, std::string_view b) {
  const std::size_t size = std::min(a.size(), b.size());
  return size >= TailedFile::kMinHeadBytes &&
         a.substr(0, size) == b.substr(0, size);
}

}  // namespace

TailedFile::TailedFile(FileDescriptor fd, std::string path, FileId id,
                       const MessageRules& rules)
    : fd_(std::move(fd)), path_(std::move(path)), id_(id), assembler_(rules) {
  head_ = ReadHead();
}

void TailedFile::StartAt(std::uint64_t offset) {
  const std::uint64_t before = std::min<std::uint64_t>(offset, kTailBytes);
  tail_ =
      ReadAt(offset - before, static_cast<std::size_t>(before)).value_or("");
  offset_ = offset;
  line_offset_ = offset;
}

bool TailedFile::Resume(const FilePosition& position) {
  StartAt(position.offset);
  // Of a file that nobody could open yet only the size is known.
  const bool is_same = position.head.empty() && position.tail.empty()
                           ? ReadSize() >= position.offset
                           : tail_ == position.tail;
  if (is_same) return true;
  previous_head_ = position.head;
  StartAt(0);
  return false;
}

std::optional<std::string> TailedFile::ReadAt(std::uint64_t offset,
                                              std::size_t size) const {
  std::string bytes(size, '\0');
  ssize_t got = 0;
  do {
    got = pread(fd_.get(), bytes.data(), size, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

std::string TailedFile::ReadHead() const {
  return ReadAt(0, kHeadBytes).value_or("");
}

std::string TailedFile::RealPath() const {
  std::error_code error;
  return std::filesystem::read_symlink(
             "/proc/self/fd/" + std::to_string(fd_.get()), error)
      .native();
}

std::uint64_t TailedFile::ReadSize() const {
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

bool TailedFile::BeginsLike(std::string_view head) const {
  return SameBegin(head_, head);
}

bool TailedFile::BeganLike(std::string_view head) const {
  return SameBegin(previous_head_, head);
}

bool TailedFile::HasPlace(const FilePosition& place) const {
  if (place.tail.size() > place.offset) return false;
  return BeginsLike(place.head) && ReadAt(place.offset - place.tail.size(),
                                          place.tail.size()) == place.tail;
}

bool TailedFile::EndsWithin(const TailedFile& other) const {
  const std::uint64_t size = ReadSize();
  const std::uint64_t before = std::min<std::uint64_t>(size, kTailBytes);
  const auto end = ReadAt(size - before, static_cast<std::size_t>(before));
  return end.has_value() && end == other.ReadAt(size - before, end->size());
}

bool TailedFile::Read(std::size_t max_bytes, Clock::time_point now,
                      const Sink& sink, ReadStats& stats) {
  assembler_.FlushIdle(now, sink);
  std::size_t total = 0;
  while (total < max_bytes) {
    struct stat status {};
    if (fstat(fd_.get(), &status) != 0) {
      ++stats.read_errors;
      return false;
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    // A file that was cut and has grown to the same size has another time.
    const bool is_touched = status.st_mtim.tv_sec != seen_mtime_.tv_sec ||
                            status.st_mtim.tv_nsec != seen_mtime_.tv_nsec;
    if (size == offset_ && !is_touched) return false;
    seen_mtime_ = status.st_mtim;
    // The bytes before the place are read along, in one call: they tell that
    // what follows is what was written behind them.
    const std::optional<std::string> bytes =
        ReadAt(offset_ - tail_.size(), tail_.size() + kChunkBytes);
    if (!bytes) {
      ++stats.read_errors;
      return false;
    }
    const std::string_view all = *bytes;
    if (size < offset_ || all.substr(0, tail_.size()) != tail_) {
      ++stats.truncations;
      is_cut_ = true;
      return true;
    }
    const std::string_view fresh = all.substr(tail_.size());
    if (fresh.empty()) return false;
    if (head_.size() < kHeadBytes) head_ = ReadHead();
    last_growth_ = now;
    total += fresh.size();
    AddBytes(fresh, now, sink, stats);
  }
  return true;
}

FilePosition TailedFile::CutPlace() const {
  return {"", path_, id_, offset_, head_, tail_, RealPath()};
}

void TailedFile::BeginAgain(bool rest_is_read_elsewhere, Clock::time_point now,
                            const Sink& sink, ReadStats& stats) {
  if (rest_is_read_elsewhere) {
    line_.clear();
    line_is_cut_ = false;
    assembler_.Drop();
  } else {
    // What is there of a line counts as one: its end is gone.
    Finish(now, sink, stats);
  }
  is_cut_ = false;
  previous_head_ = std::move(head_);
  head_ = ReadHead();
  StartAt(0);
}

void TailedFile::AddBytes(std::string_view bytes, Clock::time_point now,
                          const Sink& sink, ReadStats& stats) {
  RememberTail(bytes);
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    const std::size_t room = kMaxMessageBytes - line_.size();
    if (part.size() > room) line_is_cut_ = true;
    if (end == bytes.npos) {
      line_ += part.substr(0, room);
      offset_ += part.size();
      return;
    }
    std::string_view line = part.substr(0, room);
    if (!line_.empty()) {
      line_ += line;
      line = line_;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++stats.lines;
    if (line_is_cut_) ++stats.long_lines;
    if (!line.empty()) assembler_.AddLine(line, line_offset_, now, sink);
    offset_ += part.size() + 1;
    line_offset_ = offset_;
    line_.clear();
    line_is_cut_ = false;
    bytes.remove_prefix(end + 1);
  }
}

void TailedFile::RememberTail(std::string_view bytes) {
  if (bytes.size() >= kTailBytes) {
    tail_ = bytes.substr(bytes.size() - kTailBytes);
    return;
  }
  tail_ += bytes;
  if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
}

void TailedFile::Finish(Clock::time_point now, const Sink& sink,
                        ReadStats& stats) {
  if (!line_.empty()) {
    ++stats.lines;
    assembler_.AddLine(line_, line_offset_, now, sink);
    line_.clear();
    line_offset_ = offset_;
    line_is_cut_ = false;
  }
  assembler_.Flush(sink);
}

FilePosition TailedFile::Position() const {
  FilePosition position;
  position.path = path_;
  position.real_path = RealPath();
  position.id = id_;
  position.offset = UnfinishedOffset();
  position.head = head_;
  // The remembered bytes where they are the ones: the file may just have been
  // cut.
  const std::uint64_t before =
      std::min<std::uint64_t>(position.offset, kTailBytes);
  position.tail =
      position.offset == offset_
          ? tail_
          : ReadAt(position.offset - before, static_cast<std::size_t>(before))
                .value_or("");
  return position;
}

}  // namespace gunicorn_exporter
