#include "tests/support/fake_proc.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace gunicorn_exporter {
namespace {

// A comm as the kernel cuts it.
std::string ToComm(std::string_view cmdline) {
  std::string_view program = cmdline.substr(0, cmdline.find('\0'));
  if (!program.starts_with("gunicorn: ") &&
      program.rfind('/') != std::string_view::npos)
    program.remove_prefix(program.rfind('/') + 1);
  return std::string(program.substr(0, 15));
}

}  // namespace

FakeProc::FakeProc() {
  std::string name =
      (std::filesystem::temp_directory_path() / "fake_proc.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("cannot make a folder " + name);
  root_ = name;
  WriteFile("stat", "cpu 1 2 3\nbtime 1700000000\nprocesses 5\n");
}

FakeProc::~FakeProc() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void FakeProc::WriteFile(const std::string& path, std::string_view text) {
  const auto full = root_ / path;
  std::filesystem::create_directories(full.parent_path());
  std::ofstream(full, std::ios::binary) << text;
}

void FakeProc::Set(pid_t pid, const FakeProcess& process) {
  Remove(pid);
  const std::string folder = std::to_string(pid);
  const std::string comm = ToComm(process.cmdline);
  const auto number = [](std::uint64_t value) {
    return " " + std::to_string(value);
  };
  std::string stat =
      folder + " (" + comm + ") " + process.state + " " +
      std::to_string(process.ppid) + " 1 1 0 -1" +
      number(process.forked_only ? 4194368 : 4194304) + " 0 0 0 0" +
      number(process.user_ticks) + number(process.system_ticks) + " 0 0 20 0" +
      number(process.threads) + " 0" + number(process.start_time) + " 1000000" +
      number(process.resident_pages) + " 0 0 0 0 0 0 0 0 0" +
      number(process.caught_signals) + " 0 0 0\n";
  WriteFile(folder + "/stat", stat);
  WriteFile(folder + "/comm", comm + "\n");
  WriteFile(folder + "/cmdline", process.state == 'Z' ? "" : process.cmdline);
  WriteFile(folder + "/net/tcp", "");
  for (const auto& [name, text] : process.files)
    WriteFile(folder + "/" + name, text);
  std::filesystem::create_directories(root_ / folder / "fd");
  for (const auto& [fd, target] : process.fds)
    std::filesystem::create_symlink(target,
                                    root_ / folder / "fd" / std::to_string(fd));
}

void FakeProc::SetTitled(pid_t pid, pid_t ppid, std::string_view title,
                         FakeProcess process) {
  process.ppid = ppid;
  process.cmdline = std::string(title) + std::string(40, '\0');
  process.forked_only = title.find("worker") != std::string_view::npos;
  Set(pid, process);
}

void FakeProc::SetCommand(pid_t pid, pid_t ppid, std::string command,
                          FakeProcess process) {
  std::replace(command.begin(), command.end(), ' ', '\0');
  process.ppid = ppid;
  process.cmdline = std::move(command) + '\0';
  Set(pid, process);
}

void FakeProc::Remove(pid_t pid) {
  std::filesystem::remove_all(root_ / std::to_string(pid));
}

}  // namespace gunicorn_exporter
