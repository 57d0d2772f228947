#include "collectors/logs/find_rotated.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

namespace gunicorn_exporter {
namespace {

using ListedFile =
    std::function<void(const std::string& path, const struct stat& status)>;

// Each regular file of the folders in which what became of a file may lie.
void ListAround(const FilePosition& place, const ListedFile& take) {
  std::set<std::string> folders = {FolderOf(place.path)};
  if (!place.real_path.empty()) folders.insert(FolderOf(place.real_path));
  for (const std::string& folder : folders) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string& path = entry->path().native();
      struct stat status {};
      if (lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode))
        take(path, status);
    }
  }
}

bool IsYounger(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

}  // namespace

FileId IdOf(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_dev),
          static_cast<std::uint64_t>(status.st_ino)};
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

FileDescriptor OpenLog(const std::string& path, const FileId& id) {
  FileDescriptor fd(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return {};
  struct stat status {};
  if (fstat(fd.get(), &status) == 0 && IdOf(status) == id &&
      S_ISREG(status.st_mode))
    return fd;
  fd = {};
  errno = 0;
  return {};
}

std::unique_ptr<TailedFile> FindRenamed(const FilePosition& position,
                                        const MessageRules& rules) {
  std::unique_ptr<TailedFile> found;
  ListAround(position, [&](const std::string& path, const struct stat& status) {
    const FileId id = IdOf(status);
    if (found != nullptr || id.inode != position.id.inode) return;
    FileDescriptor fd = OpenLog(path, id);
    if (!fd) return;
    found = std::make_unique<TailedFile>(std::move(fd), path, id, rules);
    // Another file may have got the number.
    if (!found->Resume(position)) found.reset();
  });
  return found;
}

std::unique_ptr<TailedFile> FindCopy(
    const FilePosition& place, const MessageRules& rules,
    const std::function<bool(const FileId&)>& is_log) {
  std::unique_ptr<TailedFile> found;
  timespec found_time{};
  ListAround(place, [&](const std::string& path, const struct stat& status) {
    const FileId id = IdOf(status);
    if (id == place.id || is_log(id)) return;
    if (static_cast<std::uint64_t>(status.st_size) <= place.offset) return;
    // Not when it was written, which a copy may have from its
    // original.
    if (found != nullptr && !IsYounger(status.st_ctim, found_time)) return;
    FileDescriptor fd = OpenLog(path, id);
    if (!fd) return;
    auto copy = std::make_unique<TailedFile>(std::move(fd), path, id, rules);
    if (!copy->HasPlace(place)) return;
    found = std::move(copy);
    found_time = status.st_ctim;
  });
  return found;
}

}  // namespace gunicorn_exporter
