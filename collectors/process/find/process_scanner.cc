#include "collectors/process/find/process_scanner.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/process/find/gunicorn_app.h"
#include "collectors/process/find/gunicorn_signals.h"
#include "collectors/process/read/proc_parse.h"
#include "collectors/process/read/text_fields.h"
#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

// A user may call a process as they like, up to 128 KiB and more, and every
// series of an app carries its name.
constexpr std::size_t kLongestName = 4096;
// Of one that is shown.
constexpr std::size_t kLongestCommandLine = 200;
// How long a process is looked at in each scan, and in one of how many then.
constexpr auto kWatchTime = std::chrono::minutes(1);
constexpr unsigned kTurns = 12;
// So that a turn takes two minutes at most.
constexpr auto kLongPause = std::chrono::seconds(10);

// As it stands in the series: names that look the same there are one app.
std::optional<std::string> ToAppName(std::string_view text) {
  if (text.size() > kLongestName) return std::nullopt;
  return ToValidUtf8(text);
}

void Take(const ProcStat& stat, ProcessSnapshot& process) {
  process.key = {stat.pid, stat.start_time};
  process.ppid = stat.ppid;
  process.zombie = stat.state == 'Z' || stat.state == 'X';
  process.forked_only = stat.forked_only;
  process.caught_signals = stat.caught_signals;
  process.user_ticks = stat.user_ticks;
  process.system_ticks = stat.system_ticks;
  process.threads = stat.threads;
  process.resident_pages = stat.resident_pages;
}

bool IsGunicorn(const ProcessSnapshot& process) {
  return process.title != TitleKind::kNone || process.command;
}

std::string_view ProgramOf(std::string_view cmdline) {
  cmdline = cmdline.substr(0, cmdline.find('\0'));
  return cmdline.substr(cmdline.rfind('/') + 1);
}

// The arguments between blanks, on one line.
std::string ForPeople(std::string_view cmdline) {
  std::string text = ToValidUtf8(cmdline.substr(0, kLongestCommandLine));
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

ProcessTable ProcessScanner::Scan(TimePoint now, const std::set<pid_t>& known,
                                  Old old) {
  ProcessTable table;
  std::set<pid_t> looked_at;
  reader_.TakeShortage();
  table.readable = reader_.ListPids(pids_);
  table.processes = pids_.size();
  const bool all = old == Old::kAll || now - last_scan_ > kLongPause;
  std::vector<Watched> processes = WatchedProcesses(now);
  for (auto& [pid, since] : processes) {
    const bool is_known = known.contains(pid);
    const bool is_its_turn =
        all || (static_cast<unsigned>(pid) + scans_) % kTurns == 0;
    if (now - since >= kWatchTime && !is_its_turn && !is_known) continue;
    auto process = Look(pid, is_known ? Wanted::kAny : Wanted::kLikely);
    if (!process) continue;
    since = now;
    if (is_known || process->zombie || IsGunicorn(*process)) {
      looked_at.insert(pid);
      table.candidates.push_back(*std::move(process));
    } else if (IsUnnamedGunicorn(*process)) {
      table.unnamed.push_back({pid, ForPeople(process->cmdline)});
    }
  }
  AddParents(table.candidates, looked_at);
  AddChildren(table.candidates, looked_at);
  std::erase_if(table.unnamed, [&](const UnnamedGunicorn& gunicorn) {
    return looked_at.contains(gunicorn.pid);  // A gunicorn's helper.
  });
  table.complete = !reader_.TakeShortage();
  if (table.readable && table.complete) {
    processes_ = std::move(processes);
    last_scan_ = now;
    ++scans_;
  }
  return table;
}

void ProcessScanner::AddParents(std::vector<ProcessSnapshot>& candidates,
                                std::set<pid_t>& looked_at) {
  std::map<pid_t, std::optional<ProcessSnapshot>> parents;
  const std::size_t likely = candidates.size();
  for (std::size_t i = 0; i < likely; ++i) {
    const pid_t parent = candidates[i].ppid;
    if (parent == 0 || looked_at.contains(parent)) continue;
    const auto [seen, is_new] = parents.try_emplace(parent);
    if (is_new) seen->second = Look(parent, Wanted::kLikely);
    if (!seen->second) continue;
    const bool is_master = SaysWorker(candidates[i]) &&
                           HasHandlersOfMaster(seen->second->caught_signals);
    if (!is_master && !IsGunicorn(*seen->second)) continue;
    looked_at.insert(parent);
    candidates.push_back(*seen->second);
  }
}

void ProcessScanner::AddChildren(std::vector<ProcessSnapshot>& candidates,
                                 std::set<pid_t>& looked_at) {
  const std::size_t found = candidates.size();
  for (std::size_t i = 0; i < found; ++i) {
    const ProcessSnapshot& process = candidates[i];
    if (process.title != TitleKind::kMaster && !process.command &&
        !HasHandlersOfMaster(process.caught_signals)) {
      continue;
    }
    for (const pid_t child : Children(process.key.pid)) {
      if (looked_at.contains(child)) continue;
      auto seen = LookAtAny(child);
      if (!seen) continue;
      looked_at.insert(child);
      candidates.push_back(*std::move(seen));
    }
  }
}

std::vector<ProcessScanner::Watched> ProcessScanner::WatchedProcesses(
    TimePoint now) {
  std::vector<Watched> processes;
  processes.reserve(pids_.size());
  std::sort(pids_.begin(), pids_.end());
  auto before = processes_.cbegin();
  for (const pid_t pid : pids_) {
    while (before != processes_.cend() && before->pid < pid) ++before;
    const bool was_there = before != processes_.cend() && before->pid == pid;
    processes.push_back({pid, was_there ? before->since : now});
  }
  return processes;
}

std::optional<ProcessSnapshot> ProcessScanner::Look(pid_t pid, Wanted wanted) {
  const auto text = reader_.Read(pid, "stat");
  const auto stat = text ? ParseProcStat(*text) : std::nullopt;
  if (!stat) return std::nullopt;
  const bool may_be_unnamed =
      wanted == Wanted::kLikely && HasHandlersOfMaster(stat->caught_signals);
  if (wanted == Wanted::kLikely && !may_be_unnamed &&
      !MayBeGunicorn(stat->comm)) {
    return std::nullopt;
  }
  ProcessSnapshot process;
  Take(*stat, process);
  if (process.zombie) return process;  // Its title has gone.

  const auto cmdline = reader_.Read(pid, "cmdline");
  if (!cmdline) return std::nullopt;
  const GunicornTitle title = ParseGunicornTitle(*cmdline);
  const std::optional<std::string> app = ToAppName(title.app);
  if (!app) {
    reader_.CountError(pid, "cmdline", ENAMETOOLONG);
    return std::nullopt;
  }
  process.title = title.kind;
  process.title_app = *app;
  if (title.kind != TitleKind::kNone) return process;
  process.command = ParseGunicornCommand(*cmdline);
  if (wanted != Wanted::kAny && !process.command && !may_be_unnamed) {
    return std::nullopt;
  }
  process.cmdline = std::string(*cmdline);
  if (!process.command) return process;
  // Where the name is known the rest can be missed: that is no error.
  const auto environ = process.command->named
                           ? reader_.ReadQuietly(pid, "environ")
                           : reader_.Read(pid, "environ");
  if (environ) {
    process.command = ParseGunicornCommand(process.cmdline, *environ);
    if (!process.command) return process;
  }
  GunicornSettings& settings = process.command->settings;
  if (settings.slots && settings.worker_class.empty() &&
      !reader_.HasNoFile(pid, "cwd", "gunicorn.conf.py")) {
    settings.slots.reset();
  }
  auto name = ToAppName(process.command->name);
  if (!name) {
    reader_.CountError(pid, "cmdline", ENAMETOOLONG);
    return std::nullopt;
  }
  process.command->name = *std::move(name);
  return process;
}

bool ProcessScanner::IsUnnamedGunicorn(const ProcessSnapshot& process) {
  const pid_t pid = process.key.pid;
  bool is_python = IsPython(ProgramOf(process.cmdline));
  if (!is_python) {  // A title of its own, a program that holds a Python.
    reader_.ReadLines(pid, "maps", [&](std::string_view lines) {
      is_python = is_python || IsPython(lines);
    });
  }
  if (!is_python) return false;
  const std::vector<pid_t> children = Children(pid);
  return std::any_of(children.begin(), children.end(), [&](pid_t child) {
    const auto seen = LookAtAny(child);
    return seen && !seen->zombie && seen->forked_only &&
           HasHandlersOfWorker(seen->caught_signals);
  });
}

std::optional<ProcessSnapshot> ProcessScanner::Refresh(
    const ProcessSnapshot& known) {
  const pid_t pid = known.key.pid;
  const auto text = reader_.Read(pid, "stat");
  const auto stat = text ? ParseProcStat(*text) : std::nullopt;
  if (!stat) return std::nullopt;
  ProcessSnapshot process = known;
  Take(*stat, process);
  if (process.key != known.key) return LookAt(pid);
  return process;
}

std::vector<pid_t> ProcessScanner::Children(pid_t pid) {
  const std::string number = std::to_string(pid);
  std::vector<pid_t> children;
  auto text = reader_.ReadQuietly(pid, "task/" + number + "/children");
  while (text && !text->empty()) {
    if (const auto child = ParseDecimal(NextField(*text))) {
      children.push_back(static_cast<pid_t>(*child));
    }
  }
  return children;
}

}  // namespace gunicorn_exporter
