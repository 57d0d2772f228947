#include "collectors/process/read/proc_reader.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <limits>

#include "collectors/process/read/hidden_processes.h"
#include "collectors/process/read/proc_parse.h"

namespace gunicorn_exporter {
namespace {

// Grows where a file is longer, and shrinks again after one that was very long.
constexpr std::size_t kFirstBuffer = 16384;
constexpr std::size_t kKeptBuffer = 64 * kFirstBuffer;

// Of these the kernel gives a page at most at one read; the other files, of one
// record, come whole.
bool IsTable(std::string_view file) {
  return file.starts_with("net/") || file == "maps" ||
         file == "self/mountinfo" || file.ends_with("/children");
}

const char* ReasonOf(int error) {
  if (error == EACCES || error == EPERM) return "permission";
  return error == ENAMETOOLONG ? "too_long" : "other";
}

double ToSeconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

FileDescriptor OpenBelow(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_RDONLY | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return FileDescriptor(static_cast<int>(
      syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

Directory ToDirectory(FileDescriptor folder) {
  Directory directory(folder ? fdopendir(folder.get()) : nullptr);
  if (directory) folder.Release();
  return directory;
}

ProcReader::ProcReader(const std::string& root, prometheus::Registry& registry)
    : root_(root),
      root_fd_(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      errors_(prometheus::BuildCounter()
                  .Name("gunicorn_exporter_process_read_errors_total")
                  .Help("Files below /proc that could not be read.")
                  .Register(registry)),
      buffer_(kFirstBuffer) {}

const char* ProcReader::Path(pid_t pid, std::string_view file) {
  std::array<char, 16> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), pid).ptr;
  path_.assign(digits.data(), end);
  path_ += '/';
  path_ += file;
  return path_.c_str();
}

bool ProcReader::ListPids(std::vector<pid_t>& pids) {
  pids.clear();
  // A new description each time: a rewound one need not show new entries.
  const Directory directory = ToDirectory(FileDescriptor(
      openat(root_fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!directory) {
    Fail(0, ".", errno, true);
    return false;
  }
  while (const dirent* entry = readdir(directory.get())) {
    const auto pid = ParseDecimal(entry->d_name);
    if (pid && *pid <= std::numeric_limits<pid_t>::max()) {
      pids.push_back(static_cast<pid_t>(*pid));
    }
  }
  return true;
}

std::optional<std::string_view> ProcReader::ReadPath(pid_t pid,
                                                     const char* path,
                                                     std::string_view file,
                                                     bool quiet) {
  const FileDescriptor fd(openat(root_fd_.get(), path, O_RDONLY | O_CLOEXEC));
  if (buffer_.size() > kKeptBuffer) {
    buffer_ = std::vector<char>(kFirstBuffer);
  }
  const bool one_record = !IsTable(file);
  std::size_t size = 0;
  while (fd) {
    if (size == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    const ssize_t count =
        read(fd.get(), buffer_.data() + size, buffer_.size() - size);
    if (count == 0) return std::string_view(buffer_.data(), size);
    if (count > 0) {
      size += static_cast<std::size_t>(count);
      if (one_record && size < buffer_.size()) {
        return std::string_view(buffer_.data(), size);
      }
      continue;
    }
    if (errno != EINTR) break;
  }
  Fail(pid, file, errno, quiet);
  return std::nullopt;
}

bool ProcReader::HasGone(pid_t pid) {
  return faccessat(root_fd_.get(), Path(pid, ""), F_OK, 0) != 0 &&
         errno == ENOENT;
}

void ProcReader::CountError(pid_t pid, std::string_view file, int error) {
  if (error == ENOENT || error == ESRCH || (pid != 0 && HasGone(pid))) return;
  errors_.Add({{"file", std::string(file)}, {"reason", ReasonOf(error)}})
      .Increment();
}

void ProcReader::Fail(pid_t pid, std::string_view file, int error, bool quiet) {
  shortage_ = shortage_ || error == EMFILE || error == ENFILE ||
              error == ENOMEM || error == ENOBUFS;
  if (!quiet) CountError(pid, file, error);
}

bool ProcReader::ReadLines(pid_t pid, std::string_view file,
                           const std::function<void(std::string_view)>& take) {
  const FileDescriptor fd(
      openat(root_fd_.get(), Path(pid, file), O_RDONLY | O_CLOEXEC));
  std::size_t size = 0;  // Of what begins a line that is not whole yet.
  while (fd) {
    if (size == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    const ssize_t count =
        read(fd.get(), buffer_.data() + size, buffer_.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    size += static_cast<std::size_t>(count);
    const std::string_view text(buffer_.data(), size);
    const std::size_t whole = count == 0 ? size : text.rfind('\n') + 1;
    if (whole != 0) take(text.substr(0, whole));
    if (count == 0) return true;
    std::copy(text.begin() + static_cast<std::ptrdiff_t>(whole), text.end(),
              buffer_.begin());
    size -= whole;
  }
  Fail(pid, file, errno, false);
  return false;
}

std::optional<std::string_view> ProcReader::Read(pid_t pid,
                                                 std::string_view file) {
  return ReadPath(pid, Path(pid, file), file, false);
}

std::optional<std::string_view> ProcReader::ReadQuietly(pid_t pid,
                                                        std::string_view file) {
  return ReadPath(pid, Path(pid, file), file, true);
}

std::optional<std::string_view> ProcReader::ReadGlobal(std::string_view file) {
  return ReadPath(0, std::string(file).c_str(), file, false);
}

std::optional<std::vector<FdLink>> ProcReader::ReadFds(pid_t pid) {
  const Directory directory =
      ToDirectory(Open(pid, "fd", O_RDONLY | O_DIRECTORY));
  if (!directory) return std::nullopt;
  std::vector<FdLink> links;
  std::array<char, 4096> target{};
  while (const dirent* entry = readdir(directory.get())) {
    const auto number = ParseDecimal(entry->d_name);
    if (!number) continue;
    const ssize_t length = readlinkat(dirfd(directory.get()), entry->d_name,
                                      target.data(), target.size());
    if (length < 0) {
      if (errno == ENOENT) continue;
      CountError(pid, "fd", errno);
      return std::nullopt;
    }
    links.push_back(
        {static_cast<int>(*number),
         std::string(target.data(), static_cast<std::size_t>(length))});
  }
  return links;
}

std::optional<FileTimes> ProcReader::StatFd(pid_t pid, int fd) {
  struct stat status {};
  if (fstatat(root_fd_.get(), Path(pid, "fd/" + std::to_string(fd)), &status,
              0) != 0) {
    CountError(pid, "fd", errno);
    return std::nullopt;
  }
  return FileTimes{ToSeconds(status.st_mtim), ToSeconds(status.st_ctim)};
}

std::optional<std::string_view> ProcReader::ReadFdInfo(pid_t pid, int fd) {
  return ReadPath(pid, Path(pid, "fdinfo/" + std::to_string(fd)), "fdinfo",
                  false);
}

std::optional<uid_t> ProcReader::Owner(pid_t pid) {
  struct stat status {};
  if (fstatat(root_fd_.get(), Path(pid, ""), &status, 0) != 0) {
    return std::nullopt;
  }
  return status.st_uid;
}

std::optional<std::uint64_t> ProcReader::NetworkNamespace(pid_t pid) {
  struct stat status {};
  if (fstatat(root_fd_.get(), Path(pid, "net/tcp"), &status, 0) != 0) {
    CountError(pid, "net/tcp", errno);
    return std::nullopt;
  }
  return status.st_ino;
}

bool ProcReader::IsKernelTable() const {
  struct statfs system {};
  return fstatfs(root_fd_.get(), &system) == 0 &&
         system.f_type == PROC_SUPER_MAGIC;
}

bool ProcReader::HasOwnPids() {
  char self[16];  // "4711"
  const ssize_t length = readlinkat(root_fd_.get(), "self", self, sizeof self);
  return length > 0 && IsKernelTable() &&
         std::string_view(self, static_cast<std::size_t>(length)) ==
             std::to_string(getpid());
}

std::optional<std::uint64_t> ProcReader::OwnNetworkNamespace() {
  struct stat status {};
  if (!IsKernelTable() ||
      fstatat(root_fd_.get(), "self/net/tcp", &status, 0) != 0) {
    return std::nullopt;
  }
  return status.st_ino;
}

bool ProcReader::HidesOthers() {
  struct stat folder {};
  if (fstat(root_fd_.get(), &folder) != 0) return false;
  const auto read = [&](const char* file) {
    return std::string(ReadPath(0, file, file, true).value_or(""));
  };
  return HidesProcesses(read("self/mountinfo"), folder.st_dev,
                        read("self/status"));
}

std::string ProcReader::ReadLink(pid_t pid, std::string_view file) {
  std::array<char, 4096> target{};
  const ssize_t length =
      readlinkat(root_fd_.get(), Path(pid, file), target.data(), target.size());
  return {target.data(),
          static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

bool ProcReader::HasNoFile(pid_t pid, std::string_view folder,
                           const char* name) {
  const FileDescriptor fd(openat(root_fd_.get(), Path(pid, folder),
                                 O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  // A link may lead to what only the process sees: it is a file.
  return fd && fstatat(fd.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0 &&
         errno == ENOENT;
}

FileDescriptor ProcReader::Open(pid_t pid, std::string_view file, int flags) {
  FileDescriptor fd(openat(root_fd_.get(), Path(pid, file), flags | O_CLOEXEC));
  if (!fd) Fail(pid, file, errno, false);
  return fd;
}

}  // namespace gunicorn_exporter
