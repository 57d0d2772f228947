#include "collectors/process/find/control_settings.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "collectors/process/find/control_socket.h"
#include "collectors/process/monitor_clocks.h"
#include "collectors/process/read/socket_table.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostSockets = 16;  // Of one master's namespace.
// Masters that turn out to have none, at one call: each costs a net/unix.
constexpr std::size_t kMostSearched = 16;
constexpr std::string_view kDefaultName = "/gunicorn.ctl";
constexpr std::string_view kSuffix = ".ctl";

}  // namespace

void ControlSettings::Ask(const std::map<ProcessKey, TrackedProcess>& processes,
                          double boot_seconds) {
  if (!is_usable_) return;
  if (auto answer = answer_.Take()) {
    asked_[answer->first] = std::move(answer->second);
  }
  std::erase_if(asked_, [&](const auto& entry) {
    return !processes.contains(entry.first);
  });
  if (answer_.is_awaited()) return;
  // Those that have a worker and have forked nothing for a while.
  std::set<ProcessKey> quiet;
  for (const auto& [key, process] : processes) {
    const ProcessKey& master = process.gunicorn.master;
    if (process.IsWorker() && !asked_.contains(master)) quiet.insert(master);
  }
  const double latest_start = (boot_seconds - kQuietSeconds) * TicksPerSecond();
  for (const auto& [key, process] : processes) {
    if (static_cast<double>(key.start_time) > latest_start) {
      quiet.erase(process.gunicorn.master);
    }
  }
  std::size_t searched = 0;
  for (const ProcessKey& master : quiet) {
    asked_[master];
    std::vector<FileDescriptor> sockets = OpenSockets(master.pid);
    if (sockets.empty()) {
      if (++searched == kMostSearched) return;
      continue;
    }
    const bool is_asked = answer_.Start(
        master,
        [patience = patience_, pid = master.pid, sockets = std::move(sockets)] {
          return AskForConfig(pid, sockets, patience);
        });
    if (!is_asked) asked_.erase(master);
    return;
  }
}

std::vector<FileDescriptor> ControlSettings::OpenSockets(pid_t master) {
  std::vector<std::string> paths;
  const auto links = reader_.ReadFds(master);
  std::set<std::uint64_t> held;
  for (const FdLink& link : links.value_or(std::vector<FdLink>())) {
    if (const auto inode = ParseSocketLink(link.target)) held.insert(*inode);
  }
  reader_.ReadLines(master, "net/unix", [&](std::string_view lines) {
    for (UnixStream& socket : ParseUnixTable(lines)) {
      if (!socket.listening || !socket.path.starts_with('/')) continue;
      if (links ? held.contains(socket.inode) && socket.path.ends_with(kSuffix)
                : socket.path.ends_with(kDefaultName)) {
        paths.push_back(std::move(socket.path));
      }
    }
  });
  std::vector<FileDescriptor> sockets;
  if (paths.empty()) return sockets;
  paths.resize(std::min(paths.size(), kMostSockets));
  const FileDescriptor root =
      reader_.Open(master, "root", O_PATH | O_DIRECTORY);
  for (const std::string& path : paths) {
    FileDescriptor socket =
        root ? OpenBelow(root.get(), path, O_PATH)
             : FileDescriptor(open(path.c_str(), O_PATH | O_CLOEXEC));
    if (socket) sockets.push_back(std::move(socket));
  }
  return sockets;
}

void ControlSettings::Complete(GunicornProcess& process) const {
  const auto told = asked_.find(process.master);
  if (told == asked_.end() || !told->second) return;
  const GunicornSettings& settings = *told->second;
  GunicornSettings& known = process.settings;
  if (known.worker_class.empty()) known.worker_class = settings.worker_class;
  if (!known.slots) known.slots = settings.slots;
  if (!known.timeout_seconds) known.timeout_seconds = settings.timeout_seconds;
}

}  // namespace gunicorn_exporter
