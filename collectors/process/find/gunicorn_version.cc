#include "collectors/process/find/gunicorn_version.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "collectors/process/read/proc_reader.h"
#include "collectors/process/read/text_fields.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kLongestVersion = 64;
constexpr std::size_t kLongestOutput = 4096;

bool IsVersion(std::string_view text) {
  constexpr std::string_view kMarks = ".+!_-";
  return !text.empty() && text.size() <= kLongestVersion && text[0] >= '0' &&
         text[0] <= '9' && std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                  kMarks.find(c) != std::string_view::npos;
         });
}

// Opens a folder below `root` as the process itself would: links stay inside.
FileDescriptor OpenBelow(int root, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return FileDescriptor(static_cast<int>(
      syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

std::string FindVersion(int root, const std::string& path) {
  const FileDescriptor fd = OpenBelow(root, path);
  if (!fd) return {};
  // The stream takes a descriptor of its own.
  const Directory directory(fdopendir(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)));
  if (!directory) return {};
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view version = ParseMetadataName(entry->d_name);
    if (!version.empty()) return std::string(version);
  }
  return {};
}

// Those that its shared libraries were loaded from.
std::vector<std::string> LibraryFolders(ProcReader& reader, pid_t pid) {
  std::vector<std::string> folders;
  reader.ReadLines(pid, "maps", [&](std::string_view maps) {
    for (std::string& folder : ParseSitePackages(maps)) {
      if (std::find(folders.begin(), folders.end(), folder) == folders.end()) {
        folders.push_back(std::move(folder));
      }
    }
  });
  return folders;
}

// /usr/local/lib/python3.11/site-packages and its like, where they exist.
std::vector<std::string> UsualFolders(int root) {
  std::vector<std::string> folders = {"/usr/lib/python3/dist-packages"};
  for (const char* lib : {"/usr/local/lib", "/usr/lib", "/opt/venv/lib"}) {
    const FileDescriptor fd = OpenBelow(root, lib);
    if (!fd) continue;
    const Directory directory(fdopendir(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)));
    if (!directory) continue;
    while (const dirent* entry = readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (!name.starts_with("python3")) continue;
      for (const char* packages : {"/site-packages", "/dist-packages"}) {
        folders.push_back(std::string(lib) + "/" + name + packages);
      }
    }
  }
  return folders;
}

// What the child writes until it ends, or until the time is up.
std::string ReadOutput(int fd, std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + timeout;
  std::string output;
  std::array<char, 512> buffer{};
  while (output.size() < kLongestOutput) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - Clock::now());
    pollfd waiting{fd, POLLIN, 0};
    if (left.count() <= 0 ||
        poll(&waiting, 1, static_cast<int>(left.count())) <= 0) {
      break;
    }
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count <= 0) break;
    output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return output;
}

}  // namespace

std::string_view ParseMetadataName(std::string_view name) {
  constexpr std::string_view kPrefix = "gunicorn-";
  if (!name.starts_with(kPrefix)) return {};
  name.remove_prefix(kPrefix.size());
  for (const std::string_view suffix : {".dist-info", ".egg-info"}) {
    if (!name.ends_with(suffix)) continue;
    name.remove_suffix(suffix.size());
    // gunicorn-20.1.0-py3.11.egg-info
    name = name.substr(0, name.find("-py"));
    return IsVersion(name) ? name : std::string_view();
  }
  return {};
}

std::string_view ParseVersionOutput(std::string_view text) {
  constexpr std::string_view kBefore = "(version ";
  const auto begin = text.find(kBefore);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin + kBefore.size());
  text = text.substr(0, text.find(')'));
  return IsVersion(text) ? text : std::string_view();
}

std::vector<std::string> ParseSitePackages(std::string_view maps) {
  std::vector<std::string> folders;
  while (!maps.empty()) {
    const std::string_view line = NextLine(maps);
    for (const std::string_view name : {"/site-packages/", "/dist-packages/"}) {
      const auto path = line.find('/');
      const auto end = line.find(name);
      if (end == std::string_view::npos) continue;
      std::string folder(line.substr(path, end + name.size() - 1 - path));
      if (std::find(folders.begin(), folders.end(), folder) == folders.end()) {
        folders.push_back(std::move(folder));
      }
    }
  }
  return folders;
}

std::string ReadVersion(ProcReader& reader, pid_t pid) {
  const std::vector<std::string> folders = LibraryFolders(reader, pid);
  const FileDescriptor root = reader.Open(pid, "root", O_PATH | O_DIRECTORY);
  if (!root) return {};
  for (const std::string& folder : folders) {
    if (std::string version = FindVersion(root.get(), folder);
        !version.empty()) {
      return version;
    }
  }
  for (const std::string& folder : UsualFolders(root.get())) {
    if (std::string version = FindVersion(root.get(), folder);
        !version.empty()) {
      return version;
    }
  }
  return {};
}

std::string AskVersion(const std::string& program,
                       std::chrono::milliseconds timeout) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const FileDescriptor output(ends[0]);
  FileDescriptor input(ends[1]);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, input.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  // A group of its own, so that what it starts is killed with it.
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::string name = program;
  std::string option = "--version";
  const std::array<char*, 3> arguments = {name.data(), option.data(), nullptr};
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, program.c_str(), &actions, &attributes,
                                 arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return {};
  input = FileDescriptor();
  const std::string text = ReadOutput(output.get(), timeout);
  kill(-pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return std::string(ParseVersionOutput(text));
}

}  // namespace gunicorn_exporter
