#include "collectors/process/find/process_scanner.h"

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/process/read/proc_parse.h"
#include "collectors/process/read/text_fields.h"
#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

// A user may call a process as they like, up to 128 KiB and more, and every
// series of an app carries its name.
constexpr std::size_t kLongestName = 4096;

// As it stands in the series: names that look the same there are one app.
std::optional<std::string> ToAppName(std::string_view text) {
  if (text.size() > kLongestName) return std::nullopt;
  return ToValidUtf8(text);
}

}  // namespace

ProcessTable ProcessScanner::ScanAll(const std::set<pid_t>& known) {
  ProcessTable table;
  std::set<pid_t> looked_at;
  reader_.TakeShortage();
  table.readable = reader_.ListPids(pids_);
  table.processes = pids_.size();
  const auto add = [&](pid_t pid, bool any) {
    auto process = Look(pid, any);
    if (!process) return;
    looked_at.insert(pid);
    table.candidates.push_back(*std::move(process));
  };
  for (const pid_t pid : pids_) {
    const bool is_known = known.contains(pid);
    // A tree without comm files is looked at whole.
    const auto comm = reader_.ReadQuietly(pid, "comm");
    if (comm && !is_known && !MayBeGunicorn(*comm)) continue;
    add(pid, is_known);
  }
  const std::size_t found = table.candidates.size();
  for (std::size_t i = 0; i < found; ++i) {
    const ProcessSnapshot& process = table.candidates[i];
    if (process.title != TitleKind::kMaster && !process.command) continue;
    for (const pid_t child : Children(process.key.pid)) {
      if (!looked_at.contains(child)) add(child, true);
    }
  }
  table.complete = !reader_.TakeShortage();
  return table;
}

std::optional<ProcessSnapshot> ProcessScanner::Look(pid_t pid, bool any) {
  ProcessSnapshot process;
  const auto cmdline = reader_.Read(pid, "cmdline");
  if (!cmdline) return std::nullopt;
  const GunicornTitle title = ParseGunicornTitle(*cmdline);
  const std::optional<std::string> app = ToAppName(title.app);
  if (!app) {
    reader_.errors().Count("cmdline", ENAMETOOLONG);
    return std::nullopt;
  }
  process.title = title.kind;
  process.title_app = *app;
  if (title.kind == TitleKind::kNone) {
    process.command = ParseGunicornCommand(*cmdline);
    if (process.command) process.cmdline = std::string(*cmdline);
    // Of a zombie nothing is left here; another program is none of ours.
    if (!any && !process.command && !cmdline->empty()) return std::nullopt;
  }

  if (!ReadStat(pid, process)) return std::nullopt;
  if (!any && !process.zombie && title.kind == TitleKind::kNone &&
      !process.command) {
    return std::nullopt;
  }
  if (process.forked_only && title.kind == TitleKind::kNone) {
    const auto status = reader_.ReadQuietly(pid, "status");
    if (status) process.caught_signals = ParseCaughtSignals(*status);
  }

  if (process.command) {
    // Where the name is known the rest can be missed: that is no error.
    const auto environ = process.command->named
                             ? reader_.ReadQuietly(pid, "environ")
                             : reader_.Read(pid, "environ");
    if (environ) {
      process.command = ParseGunicornCommand(process.cmdline, *environ);
    }
  }
  if (process.command) {
    auto name = ToAppName(process.command->name);
    if (!name) {
      reader_.errors().Count("cmdline", ENAMETOOLONG);
      return std::nullopt;
    }
    process.command->name = *std::move(name);
  }
  return process;
}

bool ProcessScanner::ReadStat(pid_t pid, ProcessSnapshot& process) {
  const auto text = reader_.Read(pid, "stat");
  const auto stat = text ? ParseProcStat(*text) : std::nullopt;
  if (!stat) return false;
  process.key = {pid, stat->start_time};
  process.ppid = stat->ppid;
  process.zombie = stat->state == 'Z' || stat->state == 'X';
  process.forked_only = stat->forked_only;
  process.user_ticks = stat->user_ticks;
  process.system_ticks = stat->system_ticks;
  process.threads = stat->threads;
  process.resident_pages = stat->resident_pages;
  return true;
}

std::optional<ProcessSnapshot> ProcessScanner::Refresh(
    const ProcessSnapshot& known) {
  ProcessSnapshot process = known;
  if (!ReadStat(known.key.pid, process)) return std::nullopt;
  if (process.key != known.key) return LookAt(known.key.pid);
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
