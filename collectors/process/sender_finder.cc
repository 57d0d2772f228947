#include "collectors/process/sender_finder.h"

#include <algorithm>

#include "collectors/process/read/proc_parse.h"
#include "collectors/process/read/sock_diag.h"
#include "collectors/process/sockets/worker_state.h"

namespace gunicorn_exporter {
namespace {

// A request may be served by a child of a worker's child; nothing is deeper.
constexpr int kMostAncestors = 8;

Sender ToSender(const TrackedProcess& process) {
  const ProcessKey& key = process.key();
  return {process.app, key.pid, key.start_time};
}

}  // namespace

SenderFinder::SenderFinder(
    ProcReader& reader, ProcessScanner& scanner, SoleOwners& sole_owners,
    const std::map<ProcessKey, TrackedProcess>& processes)
    : reader_(reader),
      scanner_(scanner),
      sole_owners_(sole_owners),
      processes_(processes) {}

std::optional<Sender> SenderFinder::Find(const SenderAddress& sender) {
  if (!sender.udp) return FindPid(sender.pid);
  const auto source = ToSocketAddress(*sender.udp);
  return source ? FindUdp(*source) : std::nullopt;
}

bool SenderFinder::MayBeNew(const SenderAddress& sender) {
  if (sender.udp) return true;
  pid_t ancestor = sender.pid;
  for (int depth = 0; depth < kMostAncestors && ancestor > 1; ++depth) {
    if (scanner_.LookAt(ancestor)) return true;
    const auto text = reader_.Read(ancestor, "stat");
    const auto stat = text ? ParseProcStat(*text) : std::nullopt;
    if (!stat) return false;
    ancestor = stat->ppid;
  }
  return false;
}

std::optional<Sender> SenderFinder::FindPid(pid_t pid) {
  std::optional<std::uint64_t> start_time;  // The sender's own.
  pid_t ancestor = pid;
  for (int depth = 0; depth < kMostAncestors && ancestor > 1; ++depth) {
    const auto text = reader_.Read(ancestor, "stat");
    const auto stat = text ? ParseProcStat(*text) : std::nullopt;
    if (!stat) return depth == 0 ? FindEnded(pid) : std::nullopt;
    if (!start_time) start_time = stat->start_time;
    const auto known = processes_.find({ancestor, stat->start_time});
    if (known != processes_.end()) {
      return Sender{known->second.app, pid, *start_time};
    }
    ancestor = stat->ppid;
  }
  return std::nullopt;
}

// A worker that ended after its last line: the pid is nobody else's yet.
std::optional<Sender> SenderFinder::FindEnded(pid_t pid) const {
  const TrackedProcess* const known = FindByPid(processes_, pid);
  return known == nullptr ? std::nullopt : std::optional(ToSender(*known));
}

std::map<std::uint64_t, SenderFinder::Network>& SenderFinder::Networks() {
  if (networks_) return *networks_;
  networks_.emplace();
  for (const auto& [key, process] : processes_) {
    const auto inode = reader_.NetworkNamespace(key.pid);
    if (inode) (*networks_)[*inode].processes.push_back(&process);
  }
  for (auto& [inode, network] : *networks_) {
    std::stable_sort(
        network.processes.begin(), network.processes.end(),
        [](const TrackedProcess* left, const TrackedProcess* right) {
          return left->gunicorn.role < right->gunicorn.role;
        });
  }
  return *networks_;
}

std::optional<Sender> SenderFinder::FindUdp(const SocketAddress& source) {
  const auto own_namespace = reader_.OwnNetworkNamespace();
  for (auto& [inode, network] : Networks()) {
    // A loopback address is another one in each namespace.
    if (IsLoopback(source) && own_namespace && inode != *own_namespace) {
      continue;
    }
    if (auto sender = FindSocket(inode, network, source)) return sender;
  }
  if (IsLoopback(source)) return std::nullopt;
  for (auto& [inode, network] : Networks()) {
    const AppId& app = network.processes.front()->app;
    const bool one_app = std::all_of(
        network.processes.begin(), network.processes.end(),
        [&](const TrackedProcess* process) { return process->app == app; });
    if (inode != own_namespace && one_app &&
        OwnsAddress(network.processes.front()->key().pid, source)) {
      return Sender{app, 0, 0};
    }
  }
  return std::nullopt;
}

std::map<AppId, SocketAddress> SenderFinder::SendersTo(std::uint16_t port) {
  std::map<AppId, SocketAddress> senders;
  for (auto& [number, network] : Networks()) {
    for (const UdpSocket& socket : Sockets(number, network)) {
      if (socket.peer.port != port) continue;
      const auto sender = FindSocket(number, network, socket.local);
      if (sender) senders.emplace(sender->app, socket.peer);
    }
  }
  return senders;
}

const std::vector<UdpSocket>& SenderFinder::Sockets(std::uint64_t number,
                                                    Network& network) {
  // Tells the cgroups, too.
  if (!network.sockets && number == reader_.OwnNetworkNamespace()) {
    network.sockets = SockDiag().UdpSockets();
  }
  if (network.sockets) return *network.sockets;
  network.sockets.emplace();
  for (const char* file : {"net/udp", "net/udp6"}) {
    reader_.ReadLines(network.processes.front()->key().pid, file,
                      [&](std::string_view lines) {
                        for (const UdpSocket& socket : ParseUdpTable(lines)) {
                          network.sockets->push_back(socket);
                        }
                      });
  }
  return *network.sockets;
}

const std::optional<std::set<std::uint64_t>>& SenderFinder::SocketsOf(
    pid_t pid) {
  const auto [known, is_new] = sockets_of_.try_emplace(pid);
  if (!is_new) return known->second;
  const auto links = reader_.ReadFds(pid);
  if (!links) return known->second;
  return known->second = ToHeldSockets(*links).inodes;
}

std::optional<Sender> SenderFinder::FindSocket(std::uint64_t number,
                                               Network& network,
                                               const SocketAddress& source) {
  std::vector<UdpSocket> sockets;
  std::optional<bool> is_local;
  for (const UdpSocket& socket : Sockets(number, network)) {
    if (socket.local.port != source.port) continue;
    if (socket.local.IsAnyAddress() && !is_local) {
      is_local = IsLoopback(source) ||
                 OwnsAddress(network.processes.front()->key().pid, source);
    }
    if (socket.local == source || (socket.local.IsAnyAddress() && *is_local)) {
      sockets.push_back(socket);
    }
  }
  if (sockets.empty()) return std::nullopt;
  for (const TrackedProcess* process : network.processes) {
    const auto& held = SocketsOf(process->key().pid);
    if (!held) continue;
    for (const UdpSocket& socket : sockets) {
      if (held->contains(socket.inode)) return ToSender(*process);
    }
  }
  std::set<std::optional<AppId>> owners;
  for (const UdpSocket& socket : sockets) {
    auto owner = socket.cgroup ? sole_owners_.OfCgroup(*socket.cgroup)
                               : std::optional<AppId>();
    if (!owner) owner = sole_owners_.OfUser(socket.uid);
    owners.insert(std::move(owner));
  }
  if (owners.size() != 1 || !*owners.begin()) return std::nullopt;
  return Sender{**owners.begin(), 0, 0};
}

bool SenderFinder::OwnsAddress(pid_t pid, const SocketAddress& source) {
  if (source.is_v6) {
    const auto text = reader_.Read(pid, "net/if_inet6");
    return text && HasInterfaceAddress(*text, source);
  }
  const auto text = reader_.Read(pid, "net/fib_trie");
  return text && HasLocalAddress(*text, source);
}

}  // namespace gunicorn_exporter
