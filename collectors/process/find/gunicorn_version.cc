#include "collectors/process/find/gunicorn_version.h"

#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>

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

std::string FindVersion(int root, const std::string& path) {
  const Directory directory = ToDirectory(OpenBelow(root, path, O_DIRECTORY));
  if (!directory) return {};
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view version = ParseMetadataName(entry->d_name);
    if (!version.empty()) return std::string(version);
  }
  return {};
}

// How a file begins; empty where there is none.
std::string ReadBeginning(int root, const std::string& path) {
  const FileDescriptor fd = OpenBelow(root, path, O_NONBLOCK);
  std::array<char, 4096> text{};
  const ssize_t size = fd ? read(fd.get(), text.data(), text.size()) : 0;
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

// The name by which the process's program was started, as the kernel put it
// into its memory (AT_EXECFN of getauxval(3)): no title overwrites it.
std::string ReadStartedName(ProcReader& reader, pid_t pid) {
  const auto vector = reader.ReadQuietly(pid, "auxv");
  if (!vector) return {};
  std::array<std::uint64_t, 2> entry{};
  std::uint64_t address = 0;
  for (std::size_t at = 0; at + sizeof entry <= vector->size();
       at += sizeof entry) {
    std::memcpy(entry.data(), vector->data() + at, sizeof entry);
    if (entry[0] == AT_EXECFN) address = entry[1];
  }
  if (address == 0) return {};
  const FileDescriptor memory = reader.Open(pid, "mem", O_RDONLY);
  std::array<char, PATH_MAX> name{};
  if (!memory || pread(memory.get(), name.data(), name.size() - 1,
                       static_cast<off_t>(address)) <= 0) {
    return {};
  }
  return name.data();
}

struct Started {
  std::string program;
  std::string python;  // Itself, or what the script's first line names.
};

// Empty where it cannot be told.
Started FindStarted(ProcReader& reader, pid_t pid, int root) {
  std::string program = ReadStartedName(reader, pid);
  if (program.empty()) {  // The memory may not be read: without a title, this.
    const auto cmdline = reader.ReadQuietly(pid, "cmdline").value_or("");
    program = cmdline.substr(0, cmdline.find('\0'));
    if (!program.starts_with('/')) return {};
  }
  if (!program.starts_with('/')) {
    program = reader.ReadLink(pid, "cwd") + "/" + program;
  }
  const std::string text = ReadBeginning(root, program);
  if (text.empty()) return {};  // Another program by now, or another folder.
  if (!text.starts_with("#!")) return {program, program};
  std::string_view rest = text;
  rest.remove_prefix(2);
  std::string_view line = NextLine(rest);
  return {program, std::string(NextField(line))};
}

// A value of pyvenv.cfg; empty where it has none of that key.
std::string FindSetting(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    if (NextField(line) == key && NextField(line) == "=") {
      return std::string(NextField(line));
    }
  }
  return {};
}

std::string ParentOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// Where this Python looks for packages, in its order: PYTHONPATH, its virtual
// environment's, the user's, the system's.
std::vector<std::string> PackageFolders(ProcReader& reader, pid_t pid, int root,
                                        const Started& started) {
  std::vector<std::string> folders;
  std::string home;
  std::string_view environ = reader.ReadQuietly(pid, "environ").value_or("");
  while (!environ.empty()) {
    std::string_view value = NextPart(environ, '\0');
    const std::string_view name = NextPart(value, '=');
    if (name == "HOME") home = value;
    while (name == "PYTHONPATH" && !value.empty()) {
      const std::string_view folder = NextPart(value, ':');
      if (folder.starts_with('/')) folders.emplace_back(folder);
    }
  }
  // "python3.11": the folders of each version have its name.
  std::string version = reader.ReadLink(pid, "exe");
  version = version.substr(version.rfind('/') + 1);
  const auto add = [&](const std::string& prefix) {
    folders.push_back(prefix + "/lib/" + version + "/site-packages");
    folders.push_back(prefix + "/lib/" + version + "/dist-packages");
  };
  std::string prefix = ParentOf(ParentOf(started.python));
  const std::string settings = ReadBeginning(root, prefix + "/pyvenv.cfg");
  if (!settings.empty()) {
    add(prefix);
    if (FindSetting(settings, "include-system-site-packages") != "true") {
      return folders;
    }
    prefix = ParentOf(FindSetting(settings, "home"));
  }
  // A title has overwritten the environment; the script stands beside them.
  const auto local = started.program.find("/.local/bin/");
  if (local != std::string::npos) home = started.program.substr(0, local);
  if (!home.empty()) add(home + "/.local");
  // Debian's: what is installed beside the packages stands before them.
  if (prefix == "/usr") add("/usr/local");
  add(prefix);
  folders.push_back(prefix + "/lib/python3/dist-packages");
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
  constexpr std::string_view kPackage = "gunicorn-";
  if (!name.starts_with(kPackage)) return {};
  name.remove_prefix(kPackage.size());
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

std::string ReadVersion(ProcReader& reader, pid_t pid) {
  const FileDescriptor root = reader.Open(pid, "root", O_PATH | O_DIRECTORY);
  if (!root) return {};
  const Started started = FindStarted(reader, pid, root.get());
  if (started.python.empty()) return {};
  for (const std::string& folder :
       PackageFolders(reader, pid, root.get(), started)) {
    std::string version = FindVersion(root.get(), folder);
    // Without metadata, too, it is the one that runs.
    if (!version.empty() ||
        OpenBelow(root.get(), folder + "/gunicorn/__init__.py", O_NONBLOCK)) {
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
