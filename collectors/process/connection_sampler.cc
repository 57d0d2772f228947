#include "collectors/process/connection_sampler.h"

#include <algorithm>
#include <utility>

#include "collectors/process/proc_parse.h"

namespace gunicorn_exporter {
namespace {

// A delayed acknowledgement has been sent by then: pingpong mode is up to date.
constexpr std::uint32_t kSettledMilliseconds = 100;

// Does a connection to this local address come by that listener?
bool Accepts(const SocketAddress& listener, const SocketAddress& local) {
  return listener.port == local.port && listener.is_v6 == local.is_v6 &&
         (listener.address == local.address || listener.IsAnyAddress());
}

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

// In a tree that only looks like /proc there is no namespace of our own, and
// sock_diag is never asked: it would tell of the real machine.
ConnectionSampler::ConnectionSampler(ProcReader& reader)
    : reader_(reader), own_namespace_(reader.OwnNetworkNamespace()) {}

std::map<AppId, AppSockets> ConnectionSampler::Sample(
    const std::map<ProcessKey, TrackedProcess>& processes) {
  std::map<AppId, AppSockets> apps;
  std::map<AppId, std::vector<const TrackedProcess*>> workers;
  for (const auto& [key, process] : processes) {
    if (process.gunicorn.role == ProcessRole::kWorker) {
      workers[process.app].push_back(&process);
    }
  }
  std::map<AppId, std::vector<Connection>> connections;
  std::map<AppId, std::set<std::uint64_t>> clients;
  std::map<std::uint64_t, Namespace> spaces = GroupMasters(processes);
  for (auto& [inode, space] : spaces) {
    ReadListeners(space);
    Attribute(space);
    // Whoever listens on a unix socket is looked at each time.
    if (std::any_of(space.listeners.begin(), space.listeners.end(),
                    [](const Listener& listener) {
                      return !listener.is_tcp && !listener.apps.empty();
                    })) {
      unix_samples_left_[inode] = 0;
    }
    for (const Connection& connection : ReadConnections(space)) {
      for (const AppId& app : connection.listener->apps) {
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
    CountConnections(sockets, connections[app], workers[app], clients[app]);
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
    space.own = *sockets.network_namespace == own_namespace_;
    space.masters.push_back({&process, &sockets});
    int& left = unix_samples_left_[*sockets.network_namespace];
    if (is_new) left = 0;
  }
  for (auto& [inode, space] : spaces) {
    int& left = unix_samples_left_[inode];
    space.with_unix = left-- <= 0;
    if (space.with_unix) left = kRememberSamples;
  }
  std::erase_if(unix_samples_left_, [&](const auto& entry) {
    return !spaces.contains(entry.first);
  });
  return spaces;
}

void ConnectionSampler::ReadTcpTables(Namespace& space) {
  const pid_t pid = space.masters.front().process->gunicorn.process.key.pid;
  space.tcp.clear();
  for (const char* file : {"net/tcp", "net/tcp6"}) {
    reader_.ReadLines(pid, file, [&](std::string_view lines) {
      const std::vector<TcpSocket> sockets = ParseTcpTable(lines);
      space.tcp.insert(space.tcp.end(), sockets.begin(), sockets.end());
    });
  }
}

std::vector<ConnectionSampler::Connection> ConnectionSampler::ReadConnections(
    Namespace& space) {
  std::set<std::uint16_t> ipv4_ports;
  std::set<std::uint16_t> ipv6_ports;
  for (const Listener& listener : space.listeners) {
    if (listener.is_tcp && !listener.apps.empty()) {
      (listener.endpoint.is_v6 ? ipv6_ports : ipv4_ports)
          .insert(listener.endpoint.port);
    }
  }
  if (space.by_sock_diag) {
    if (auto sockets = sock_diag_.Connections(ipv4_ports, ipv6_ports)) {
      space.tcp = *std::move(sockets);
      SettleTies(space, space.tcp);
    } else {
      ReadTcpTables(space);
    }
  }
  std::vector<Connection> connections;
  const auto add = [&](std::uint64_t inode, ConnectionState exchange,
                       const auto& comes_by) {
    const auto listener =
        std::find_if(space.listeners.begin(), space.listeners.end(),
                     [&](const Listener& candidate) {
                       return !candidate.apps.empty() && comes_by(candidate);
                     });
    if (listener != space.listeners.end()) {
      connections.push_back({inode, exchange, &*listener});
    }
  };
  for (const TcpSocket& socket : space.tcp) {
    if (socket.listening || socket.inode == 0 ||
        !(socket.local.is_v6 ? ipv6_ports : ipv4_ports)
             .contains(socket.local.port)) {
      continue;
    }
    add(socket.inode, socket.exchange, [&](const Listener& listener) {
      return listener.is_tcp && Accepts(listener.endpoint, socket.local);
    });
  }
  for (const UnixStream& socket : space.unix_sockets) {
    if (socket.listening || !socket.connected || socket.inode == 0) continue;
    add(socket.inode, ConnectionState::kUnknown, [&](const Listener& listener) {
      return !listener.is_tcp &&
             listener.queue.address.substr(5) == socket.path;
    });
  }
  return connections;
}

void ConnectionSampler::SettleTies(const Namespace& space,
                                   std::vector<TcpSocket>& sockets) {
  std::map<std::uint64_t, std::pair<std::uint64_t, ConnectionState>> settled;
  std::map<std::uint64_t, ConnectionState> table;
  bool table_read = false;
  for (TcpSocket& socket : sockets) {
    if (socket.exchange != ConnectionState::kTie ||
        socket.quiet_milliseconds < kSettledMilliseconds) {
      continue;
    }
    const auto known = settled_.find(socket.inode);
    if (known != settled_.end() && known->second.first == socket.bytes) {
      socket.exchange = known->second.second;
    } else {
      if (!table_read) {
        Namespace copy;
        copy.masters = space.masters;
        ReadTcpTables(copy);
        for (const TcpSocket& row : copy.tcp) table[row.inode] = row.exchange;
        table_read = true;
      }
      const auto row = table.find(socket.inode);
      if (row == table.end()) continue;
      socket.exchange = row->second == ConnectionState::kParked
                            ? ConnectionState::kParked
                            : ConnectionState::kInFlight;
    }
    settled[socket.inode] = {socket.bytes, socket.exchange};
  }
  settled_ = std::move(settled);
}

std::optional<WorkerSockets> ConnectionSampler::ReadWorker(
    pid_t pid, const std::set<std::uint64_t>& clients) {
  const auto links = reader_.ReadFds(pid);
  if (!links) return std::nullopt;
  std::vector<std::set<int>> epoll_sets;
  for (const FdLink& link : *links) {
    if (link.target != "anon_inode:[eventpoll]") continue;
    const auto text = reader_.Read(pid, "fdinfo/" + std::to_string(link.fd));
    if (text) epoll_sets.push_back(ParseEpollSet(*text));
  }
  WorkerSockets sockets = TellWorkerSockets(*links, epoll_sets, clients);
  if (sockets.kind != WorkerKind::kSync && epoll_sets.empty()) {
    sockets.kind = WorkerKind::kUnknown;
  }
  return sockets;
}

void ConnectionSampler::CountConnections(
    AppSockets& app, const std::vector<Connection>& connections,
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
    if (!sockets && reader_.ReadQuietly(key.pid, "stat")) owners_known = false;
    if (!sockets) continue;
    kinds[key] = sockets->kind;
    app.by_worker[key] = 0;
    for (const std::uint64_t inode : sockets->inodes) {
      owners[inode] = {key, sockets->registered.contains(inode)};
    }
  }
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
      if (connection.listener->shared) {
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
