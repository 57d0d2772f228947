// ConnectionSampler's first half: the listening sockets of a network namespace,
// and whose they are.
#include <algorithm>
#include <iterator>
#include <utility>

#include "collectors/process/connection_sampler.h"

namespace gunicorn_exporter {
namespace {

// gunicorn's default, --backlog.
constexpr std::uint64_t kBacklog = 2048;

}  // namespace

void ConnectionSampler::ReadListeners(Namespace& space) {
  std::vector<TcpSocket> listening;
  if (space.own) {
    if (auto sockets = sock_diag_.Listeners()) {
      listening = *std::move(sockets);
      space.by_sock_diag = true;
    }
  }
  if (!space.by_sock_diag) {
    ReadTcpTables(space);
    std::copy_if(space.tcp.begin(), space.tcp.end(),
                 std::back_inserter(listening),
                 [](const TcpSocket& socket) { return socket.listening; });
  }
  for (const TcpSocket& socket : listening) {
    Listener listener;
    listener.queue = {ToString(socket.local), socket.queue, socket.limit};
    listener.endpoint = socket.local;
    listener.uid = socket.uid;
    listener.inode = socket.inode;
    space.listeners.push_back(std::move(listener));
  }
  if (space.with_unix) ReadUnixListeners(space);
}

void ConnectionSampler::ReadUnixListeners(Namespace& space) {
  const pid_t pid = space.masters.front().process->gunicorn.process.key.pid;
  reader_.ReadLines(pid, "net/unix", [&](std::string_view lines) {
    std::vector<UnixStream> sockets = ParseUnixTable(lines);
    std::move(sockets.begin(), sockets.end(),
              std::back_inserter(space.unix_sockets));
  });
  std::map<std::string, std::uint64_t> queued;
  for (const UnixStream& socket : space.unix_sockets) {
    if (socket.connected && socket.inode == 0) ++queued[socket.path];
  }
  for (const UnixStream& socket : space.unix_sockets) {
    if (!socket.listening) continue;
    Listener listener;
    listener.queue = {"unix:" + socket.path, queued[socket.path], {}};
    listener.is_tcp = false;
    listener.inode = socket.inode;
    space.listeners.push_back(std::move(listener));
  }
}

void ConnectionSampler::RefreshMaster(const ProcessKey& key,
                                      MasterSockets& master) {
  master.samples_left = kRememberSamples;
  const auto links = reader_.ReadFds(key.pid);
  if (!links) {
    master.inodes.reset();
    return;
  }
  master.inodes.emplace();
  for (const FdLink& link : *links) {
    if (const auto inode = ParseSocketLink(link.target)) {
      master.inodes->insert(*inode);
    }
  }
}

void ConnectionSampler::Attribute(Namespace& space) {
  for (const Master& master : space.masters) {
    MasterSockets& sockets = *master.sockets;
    const ProcessKey& key = master.process->gunicorn.process.key;
    const auto listens = [&] {
      return sockets.inodes &&
             std::any_of(space.listeners.begin(), space.listeners.end(),
                         [&](const Listener& listener) {
                           return sockets.inodes->contains(listener.inode);
                         });
    };
    if (sockets.samples_left-- <= 0 || (sockets.inodes && !listens())) {
      RefreshMaster(key, sockets);
    }
    if (!sockets.inodes) continue;
    for (Listener& listener : space.listeners) {
      if (sockets.inodes->contains(listener.inode)) {
        listener.apps.insert(master.process->app);
      }
    }
  }
  Guess(space);
  ReadUnixLimits(space);
  for (Listener& listener : space.listeners) {
    if (listener.apps.empty()) continue;
    listener.shared =
        listener.apps.size() > 1 ||
        std::any_of(space.listeners.begin(), space.listeners.end(),
                    [&](const Listener& other) {
                      return listener.queue.address == other.queue.address &&
                             listener.apps != other.apps;
                    });
  }
}

void ConnectionSampler::ReadUnixLimits(Namespace& space) {
  const bool wanted = std::any_of(
      space.listeners.begin(), space.listeners.end(),
      [](const Listener& l) { return !l.is_tcp && !l.apps.empty(); });
  if (!wanted || !space.own) return;
  const auto queues = sock_diag_.UnixListeners();
  if (!queues) return;
  for (Listener& listener : space.listeners) {
    const auto queue = queues->find(listener.inode);
    if (listener.is_tcp || queue == queues->end()) continue;
    listener.queue.length = queue->second.length;
    listener.queue.limit = queue->second.limit;
  }
}

// For masters whose descriptors may not be read.
void ConnectionSampler::Guess(Namespace& space) {
  std::map<uid_t, std::set<AppId>> denied;
  for (const Master& master : space.masters) {
    if (!master.sockets->inodes && master.sockets->uid) {
      denied[*master.sockets->uid].insert(master.process->app);
    }
  }
  for (const auto& [uid, apps] : denied) {
    if (apps.size() != 1) continue;
    std::vector<Listener*> candidates;
    for (Listener& listener : space.listeners) {
      if (!listener.is_tcp || !listener.apps.empty() || listener.uid != uid ||
          (listener.queue.limit && *listener.queue.limit != kBacklog)) {
        continue;
      }
      candidates.push_back(&listener);
    }
    if (!space.by_sock_diag && candidates.size() != 1) continue;
    for (Listener* listener : candidates) listener->apps = apps;
  }
}

}  // namespace gunicorn_exporter
