#include "collectors/process/sockets/connection_sampler.h"

#include <algorithm>
#include <utility>

#include "collectors/process/read/network_namespace.h"
#include "collectors/process/read/proc_parse.h"

namespace gunicorn_exporter {
namespace {

// Listeners of one address (SO_REUSEPORT) are one queue.
void AddQueue(std::vector<ListenQueue>& queues, const ListenQueue& queue) {
  for (ListenQueue& known : queues) {
    if (known.address != queue.address) continue;
    known.length += queue.length;
    if (queue.limit) known.limit = known.limit.value_or(0) + *queue.limit;
    return;
  }
  queues.push_back(queue);
}

}  // namespace

ConnectionSampler::ConnectionSampler(ProcReader& reader)
    : reader_(reader), own_namespace_(reader.OwnNetworkNamespace()) {}

std::map<AppId, AppSockets> ConnectionSampler::Sample(
    const std::map<ProcessKey, TrackedProcess>& processes) {
  std::map<AppId, AppSockets> apps;
  workers_.clear();
  for (const auto& [key, process] : processes) {
    if (process.gunicorn.role == ProcessRole::kWorker) {
      workers_[process.app].push_back(&process);
    }
  }
  std::map<AppId, std::vector<Connection>> connections;
  std::map<AppId, std::set<std::uint64_t>> clients;
  std::map<std::uint64_t, Namespace> spaces = GroupMasters(processes);
  for (auto& [inode, space] : spaces) {
    Enter(inode, space);
    ReadListeners(space);
    Attribute(space);
    FindDoors(space);
    // Whoever listens on a unix socket is looked at each time.
    if (std::any_of(
            space.unix_doors.begin(), space.unix_doors.end(),
            [](const auto& door) { return !door.second.apps.empty(); })) {
      space.memory->unix_samples_left = 0;
    }
    const std::vector<Connection> all = ReadConnections(space);
    Learn(space, all);
    for (const Connection& connection : all) {
      std::set<AppId> candidates = connection.door->apps;
      if (connection.other_door != nullptr) {
        candidates.insert(connection.other_door->apps.begin(),
                          connection.other_door->apps.end());
      }
      for (const AppId& app : candidates) {
        connections[app].push_back(connection);
        clients[app].insert(connection.inode);
      }
    }
    for (const Listener& listener : space.listeners) {
      for (const AppId& app : listener.apps) {
        AddQueue(apps[app].listen_queues, listener.queue);
        clients[app].insert(listener.inode);
      }
    }
  }
  for (auto& [app, sockets] : apps) {
    CountConnections(app, sockets, connections[app], workers_[app],
                     clients[app]);
  }
  std::erase_if(masters_, [&](const auto& entry) {
    return !processes.contains(entry.first);
  });
  return apps;
}

std::map<std::uint64_t, ConnectionSampler::Namespace>
ConnectionSampler::GroupMasters(
    const std::map<ProcessKey, TrackedProcess>& processes) {
  std::map<std::uint64_t, Namespace> spaces;
  for (const auto& [key, process] : processes) {
    if (process.gunicorn.role != ProcessRole::kMaster) continue;
    const auto [master, is_new] = masters_.try_emplace(key);
    MasterSockets& sockets = master->second;
    if (is_new) {
      sockets.network_namespace = reader_.NetworkNamespace(key.pid);
      if (const auto status = reader_.Read(key.pid, "status")) {
        sockets.uid = ParseEffectiveUid(*status);
      }
    }
    if (!sockets.network_namespace) continue;
    Namespace& space = spaces[*sockets.network_namespace];
    space.memory = &memories_[*sockets.network_namespace];
    space.masters.push_back({&process, &sockets});
    if (is_new) space.memory->unix_samples_left = 0;
  }
  for (auto& [inode, space] : spaces) {
    int& left = space.memory->unix_samples_left;
    space.with_unix = left-- <= 0;
    if (space.with_unix) left = kRememberSamples;
  }
  std::erase_if(memories_, [&](const auto& entry) {
    return !spaces.contains(entry.first);
  });
  return spaces;
}

// In a tree that only looks like /proc there is no namespace of our own, and
// sock_diag is never asked: it would tell of the real machine.
void ConnectionSampler::Enter(std::uint64_t inode, Namespace& space) {
  Memory& memory = *space.memory;
  if (memory.sock_diag && !memory.sock_diag->IsUsable()) {
    memory.sock_diag.reset();
    memory.entered = false;
  }
  if (memory.entered || !own_namespace_) return;
  memory.entered = true;
  if (inode == own_namespace_) {
    memory.sock_diag = std::make_unique<SockDiag>();
    return;
  }
  const pid_t pid = space.masters.front().process->gunicorn.process.key.pid;
  FileDescriptor socket = OpenSockDiagIn(reader_, pid, inode);
  if (socket) memory.sock_diag = std::make_unique<SockDiag>(std::move(socket));
}

std::optional<WorkerSockets> ConnectionSampler::ReadWorker(
    pid_t pid, const std::set<std::uint64_t>& clients) {
  const auto links = reader_.ReadFds(pid);
  if (!links) return std::nullopt;
  std::vector<std::set<int>> epoll_sets;
  for (const FdLink& link : *links) {
    if (link.target != "anon_inode:[eventpoll]") continue;
    const auto text = reader_.ReadFdInfo(pid, link.fd);
    if (text) epoll_sets.push_back(ParseEpollSet(*text));
  }
  WorkerSockets sockets = TellWorkerSockets(*links, epoll_sets, clients);
  if (sockets.kind != WorkerKind::kSync && epoll_sets.empty()) {
    sockets.kind = WorkerKind::kUnknown;
  }
  return sockets;
}

std::optional<uid_t> ConnectionSampler::UserOf(
    const std::vector<const TrackedProcess*>& workers) {
  for (const TrackedProcess* worker : workers) {
    const auto status =
        reader_.ReadQuietly(worker->gunicorn.process.key.pid, "status");
    if (status) return ParseEffectiveUid(*status);
  }
  return std::nullopt;
}

void ConnectionSampler::CountConnections(
    const AppId& id, AppSockets& app,
    const std::vector<Connection>& connections,
    const std::vector<const TrackedProcess*>& workers,
    const std::set<std::uint64_t>& clients) {
  std::map<std::uint64_t, std::pair<ProcessKey, bool>> owners;
  std::map<ProcessKey, WorkerKind> kinds;
  bool owners_known = connections.size() <= kMaxOwnedConnections;
  for (const TrackedProcess* worker : workers) {
    if (!owners_known) break;
    const ProcessKey key = worker->gunicorn.process.key;
    if (connections.empty()) {  // Nobody holds one; no need to look.
      app.by_worker[key] = 0;
      continue;
    }
    const auto sockets = ReadWorker(key.pid, clients);
    // One that has just gone holds nothing; one that is there was denied.
    if (!sockets && !reader_.HasGone(key.pid)) owners_known = false;
    if (!sockets) continue;
    kinds[key] = sockets->kind;
    app.by_worker[key] = 0;
    for (const std::uint64_t inode : sockets->inodes) {
      owners[inode] = {key, sockets->registered.contains(inode)};
    }
  }
  const std::optional<uid_t> user =
      owners_known ? std::nullopt : UserOf(workers);
  std::uint64_t count = 0;
  for (const Connection& connection : connections) {
    const auto owner = owners.find(connection.inode);
    if (owner != owners.end()) {
      const auto& [key, registered] = owner->second;
      ++count;
      ++app.by_worker[key];
      if (IsInHand(connection.exchange, kinds[key], registered)) {
        app.in_hand.insert(key);
      }
    } else if (!owners_known) {
      if (!connection.door->apps.contains(id) ||
          (user && connection.uid && *user != *connection.uid)) {
        continue;
      }
      if (connection.door->shared) {
        app = {app.listen_queues, {}, {}, {}, 0};
        return;
      }
      ++count;
      if (IsInHand(connection.exchange, WorkerKind::kUnknown, true)) {
        ++app.in_hand_of_unknown;
      }
    }
  }
  if (!owners_known) app.by_worker.clear();
  app.connections = count;
}

}  // namespace gunicorn_exporter
