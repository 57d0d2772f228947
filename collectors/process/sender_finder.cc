#include "collectors/process/sender_finder.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "collectors/process/read/proc_parse.h"

namespace gunicorn_exporter {
namespace {

// A request may be served by a child of a worker's child; nothing is deeper.
constexpr int kMostAncestors = 8;

Sender ToSender(const TrackedProcess& process) {
  const ProcessKey& key = process.gunicorn.process.key;
  return {process.app, key.pid, key.start_time};
}

}  // namespace

SenderFinder::SenderFinder(ProcessMonitor& monitor)
    : monitor_(monitor),
      reader_(monitor.procfs(), monitor.read_errors()),
      scanner_(reader_),
      own_namespace_(reader_.OwnNetworkNamespace()) {}

std::optional<Sender> SenderFinder::FindByPid(pid_t pid) {
  const std::lock_guard lock(mutex_);
  if (auto sender = FindKnownPid(pid)) return sender;
  if (!IsGunicorns(pid)) return std::nullopt;
  monitor_.Scan();
  return FindKnownPid(pid);
}

// Whether it is a gunicorn's process, or a child of one: all others are not
// worth a look at the whole table.
bool SenderFinder::IsGunicorns(pid_t pid) {
  pid_t ancestor = pid;
  for (int depth = 0; depth < kMostAncestors && ancestor > 1; ++depth) {
    if (scanner_.LookAt(ancestor)) return true;
    const auto text = reader_.Read(ancestor, "stat");
    const auto stat = text ? ParseProcStat(*text) : std::nullopt;
    if (!stat) return false;
    ancestor = stat->ppid;
  }
  return false;
}

bool SenderFinder::HasUnknownGunicorn() {
  const auto processes = monitor_.KnownProcesses();
  std::set<ProcessKey> known;
  for (const TrackedProcess& process : *processes) {
    known.insert(process.gunicorn.process.key);
  }
  const ProcessTable table = scanner_.ScanAll();
  return std::any_of(table.candidates.begin(), table.candidates.end(),
                     [&](const ProcessSnapshot& candidate) {
                       return !candidate.zombie &&
                              !known.contains(candidate.key);
                     });
}

std::optional<Sender> SenderFinder::FindKnownPid(pid_t pid) {
  const auto list = monitor_.KnownProcesses();
  const Processes& processes = *list;
  std::optional<std::uint64_t> start_time;  // The sender's own.
  pid_t ancestor = pid;
  for (int depth = 0; depth < kMostAncestors && ancestor > 1; ++depth) {
    const auto text = reader_.Read(ancestor, "stat");
    const auto stat = text ? ParseProcStat(*text) : std::nullopt;
    if (!stat) {
      return depth == 0 ? FindEnded(pid, processes) : std::nullopt;
    }
    if (!start_time) start_time = stat->start_time;
    const ProcessKey key{ancestor, stat->start_time};
    const auto known = std::find_if(
        processes.begin(), processes.end(), [&](const TrackedProcess& process) {
          return process.gunicorn.process.key == key;
        });
    if (known != processes.end()) return Sender{known->app, pid, *start_time};
    ancestor = stat->ppid;
  }
  return std::nullopt;
}

// A worker that ended after its last line: the pid is nobody else's yet.
std::optional<Sender> SenderFinder::FindEnded(pid_t pid,
                                              const Processes& processes) {
  const auto known = std::find_if(
      processes.begin(), processes.end(), [&](const TrackedProcess& process) {
        return process.gunicorn.process.key.pid == pid;
      });
  if (known == processes.end()) return std::nullopt;
  return ToSender(*known);
}

std::optional<Sender> SenderFinder::FindByUdpSource(
    const sockaddr_storage& source) {
  const auto endpoint = ToSocketAddress(source);
  if (!endpoint) return std::nullopt;
  const std::lock_guard lock(mutex_);
  // Before the first look: what a scrape finds meanwhile is looked at again.
  const std::uint64_t generation = monitor_.Generation();
  if (auto sender = FindKnownSource(*endpoint)) return sender;
  if (HasUnknownGunicorn()) monitor_.Scan();
  if (monitor_.Generation() == generation) return std::nullopt;
  return FindKnownSource(*endpoint);
}

std::optional<Sender> SenderFinder::FindKnownSource(
    const SocketAddress& source) {
  std::map<std::uint64_t, Processes> spaces;
  const auto known = monitor_.KnownProcesses();
  for (const TrackedProcess& process : *known) {
    const auto space =
        reader_.NetworkNamespace(process.gunicorn.process.key.pid);
    if (space) spaces[*space].push_back(process);
  }
  for (const auto& [space, processes] : spaces) {
    // A loopback address is another one in each namespace.
    if (IsLoopback(source) && own_namespace_ && space != *own_namespace_) {
      continue;
    }
    const pid_t pid = processes.front().gunicorn.process.key.pid;
    if (auto sender = FindSocket(SocketsAt(pid, source), processes)) {
      return sender;
    }
  }
  if (IsLoopback(source)) return std::nullopt;
  for (const auto& [space, processes] : spaces) {
    const pid_t pid = processes.front().gunicorn.process.key.pid;
    if ((own_namespace_ && space == *own_namespace_) ||
        !OwnsAddress(pid, source)) {
      continue;
    }
    if (auto sender = FindNeighbour(processes)) return sender;
  }
  return std::nullopt;
}

std::vector<UdpSocket> SenderFinder::SocketsAt(pid_t pid,
                                               const SocketAddress& source) {
  std::vector<UdpSocket> found;
  for (const char* file : {"net/udp", "net/udp6"}) {
    reader_.ReadLines(pid, file, [&](std::string_view lines) {
      for (const UdpSocket& socket : ParseUdpTable(lines)) {
        if (socket.local.port == source.port &&
            (socket.local == source || socket.local.IsAnyAddress())) {
          found.push_back(socket);
        }
      }
    });
  }
  return found;
}

std::optional<Sender> SenderFinder::FindSocket(
    const std::vector<UdpSocket>& sockets, const Processes& processes) {
  if (sockets.empty()) return std::nullopt;
  std::set<AppId> of_same_user;
  for (const TrackedProcess& process : processes) {
    const pid_t pid = process.gunicorn.process.key.pid;
    const auto links = reader_.ReadFds(pid);
    for (const UdpSocket& socket : sockets) {
      if (links) {
        const bool holds =
            std::any_of(links->begin(), links->end(), [&](const FdLink& link) {
              return ParseSocketLink(link.target) == socket.inode;
            });
        if (holds) return ToSender(process);
        continue;
      }
      const auto status = reader_.Read(pid, "status");
      if (status && ParseEffectiveUid(*status) == socket.uid) {
        of_same_user.insert(process.app);
      }
    }
  }
  if (of_same_user.size() != 1) return std::nullopt;
  return Sender{*of_same_user.begin(), 0, 0};
}

bool SenderFinder::OwnsAddress(pid_t pid, const SocketAddress& source) {
  if (source.is_v6) {
    const auto text = reader_.Read(pid, "net/if_inet6");
    return text && HasInterfaceAddress(*text, source);
  }
  const auto text = reader_.Read(pid, "net/fib_trie");
  return text && HasLocalAddress(*text, source);
}

std::optional<Sender> SenderFinder::FindNeighbour(const Processes& processes) {
  const AppId& app = processes.front().app;
  const bool alone = std::all_of(
      processes.begin(), processes.end(),
      [&](const TrackedProcess& process) { return process.app == app; });
  if (!alone) return std::nullopt;
  return Sender{app, 0, 0};
}

}  // namespace gunicorn_exporter
