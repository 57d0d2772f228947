// Reads files below /proc, or below another folder that looks like it.
//
// One buffer serves every read, and paths are opened below a folder that is
// held open: a look at some thousand processes allocates nothing. Tables, which
// grow with the machine's sockets, are read in pieces.
//
// Thread rule: one thread at a time. Errors: a failed read is "nothing", and is
// counted in the series gunicorn_exporter_process_read_errors_total, unless the
// process or the file was not there. Its labels: `file` as below /proc/PID
// ("fd", "smaps_rollup"), and the reason "permission", "too_long" (a name that
// no app has) or "other".
#pragma once

#include <dirent.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

// One entry of /proc/PID/fd.
struct FdLink {
  int fd = -1;
  std::string target;  // "socket:[376021]", "/tmp/wgunicorn-x (deleted)"
};

// When a file behind a descriptor was last changed, Unix seconds.
struct FileTimes {
  double modified = 0;
  double changed = 0;
};

// The entries of a folder, as readdir(3) gives them; closed with its owner.
struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// Of an open folder; null where it is none.
Directory ToDirectory(FileDescriptor folder);

// Opens for reading what is below the folder `root`, a process's for one, as
// who has it for a root would: links stay inside.
FileDescriptor OpenBelow(int root, const std::string& path, int flags);

class ProcReader {
 public:
  // Counts its errors in `registry`, which must outlive the reader.
  ProcReader(const std::string& root, prometheus::Registry& registry);

  // The processes of the table, in any order. False when it cannot be read.
  bool ListPids(std::vector<pid_t>& pids);

  // The text of /proc/PID/FILE, valid until the next read.
  std::optional<std::string_view> Read(pid_t pid, std::string_view file);

  // The same without counting a failure, for files that may well be missing.
  std::optional<std::string_view> ReadQuietly(pid_t pid, std::string_view file);

  // Gives the lines of /proc/PID/FILE to `take`, some at a time and each whole,
  // valid until `take` returns. False when the file cannot be read to its end.
  bool ReadLines(pid_t pid, std::string_view file,
                 const std::function<void(std::string_view)>& take);

  // The text of /proc/FILE.
  std::optional<std::string_view> ReadGlobal(std::string_view file);

  // Open descriptors and what they are. Refused for another user's processes,
  // unless CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH are there.
  std::optional<std::vector<FdLink>> ReadFds(pid_t pid);

  // The file behind a descriptor. Same rights.
  std::optional<FileTimes> StatFd(pid_t pid, int fd);

  // What the kernel says of a descriptor (proc(5), fdinfo), valid as of Read.
  std::optional<std::string_view> ReadFdInfo(pid_t pid, int fd);

  // A number that all processes of one network namespace share, and no other:
  // the inode of /proc/PID/net/tcp. Needs no right, unlike /proc/PID/ns/net.
  std::optional<std::uint64_t> NetworkNamespace(pid_t pid);

  // That of this process itself, seen through the same root; nothing where the
  // root is a folder that only looks like the kernel's table.
  std::optional<std::uint64_t> OwnNetworkNamespace();

  // Whether other users' processes are hidden from this one; see
  // hidden_processes.h.
  bool HidesOthers();

  // Whether its pids are those that this process's own calls take: not where
  // the root is a folder that only looks like the kernel's table, or the table
  // of another pid namespace.
  bool HasOwnPids();

  // Whom the process's folder belongs to: its effective user, or root where it
  // may not be dumped (PR_SET_DUMPABLE).
  std::optional<uid_t> Owner(pid_t pid);

  // Whether the table has this process no more. False where that is unknown.
  bool HasGone(pid_t pid);

  // What a link, "exe" or "cwd", leads to; empty where that is denied.
  std::string ReadLink(pid_t pid, std::string_view file);

  // Whether the process's folder "cwd" is seen to have no file of that name.
  // False where it cannot be seen.
  bool HasNoFile(pid_t pid, std::string_view folder, const char* name);

  // A descriptor of /proc/PID/FILE, for what is no text.
  FileDescriptor Open(pid_t pid, std::string_view file, int flags);

  // Has a read failed since the last call because this process, or the machine,
  // had no descriptor or no memory left? Then nothing that was missing is gone.
  bool TakeShortage() { return std::exchange(shortage_, false); }

  // Counts a failure (errno) to use what was opened of a process; not where the
  // process has gone meanwhile, for then the kernel may say anything (EACCES of
  // a link, ENXIO of a table).
  void CountError(pid_t pid, std::string_view file, int error);

  // Of the buffer, now.
  std::size_t buffer_bytes() const { return buffer_.size(); }

 private:
  // `pid` is 0 where the file is no process's.
  std::optional<std::string_view> ReadPath(pid_t pid, const char* path,
                                           std::string_view file, bool quiet);
  const char* Path(pid_t pid, std::string_view file);
  void Fail(pid_t pid, std::string_view file, int error, bool quiet);
  bool IsKernelTable() const;

  std::string root_;
  FileDescriptor root_fd_;
  prometheus::Family<prometheus::Counter>& errors_;
  std::vector<char> buffer_;
  std::string path_;
  bool shortage_ = false;
};

}  // namespace gunicorn_exporter
