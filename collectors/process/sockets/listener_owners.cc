// ConnectionSampler's first half: the listening sockets of a network namespace,
// and whose they are.
#include <algorithm>
#include <iterator>
#include <utility>

#include "collectors/process/sockets/connection_sampler.h"

namespace gunicorn_exporter {
namespace {

// gunicorn's default, --backlog.
constexpr std::uint64_t kBacklog = 2048;

// The default of gunicorn's setting control_socket ends so: since 25.1 its
// masters take commands there, and no requests.
constexpr std::string_view kControlSocket = "/gunicorn.ctl";

}  // namespace

void ConnectionSampler::ReadListeners(Namespace& space) {
  std::vector<TcpSocket> listening;
  if (space.memory->sock_diag) {
    if (auto sockets = space.memory->sock_diag->Listeners()) {
      listening = *std::move(sockets);
      space.by_sock_diag = true;
    }
  }
  if (!space.by_sock_diag) {
    space.tcp = ReadTcpTables(space);
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
    if (!socket.listening || socket.path.ends_with(kControlSocket)) continue;
    Listener listener;
    // Of two on one path only one counts what waits, which names the path
    // alone.
    listener.queue = {
        "unix:" + socket.path, std::exchange(queued[socket.path], 0), {}};
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
}

void ConnectionSampler::ReadUnixLimits(Namespace& space) {
  const bool wanted = std::any_of(
      space.listeners.begin(), space.listeners.end(),
      [](const Listener& l) { return !l.is_tcp && !l.apps.empty(); });
  if (!wanted || !space.memory->sock_diag) return;
  const auto queues = space.memory->sock_diag->UnixListeners();
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
    const std::vector<Listener*> candidates = Candidates(space, uid);
    if (apps.size() > 1) {
      space.suspects[uid] = apps;
      for (Listener* listener : candidates) {
        const auto owner = space.memory->evidence.OwnerOf(listener->inode);
        listener->suspected = true;
        if (owner && apps.contains(*owner)) listener->apps.insert(*owner);
      }
    } else if (space.by_sock_diag || candidates.size() == 1) {
      for (Listener* listener : candidates) listener->apps = apps;
    }
  }
  NoteRuns(space);
}

std::vector<ConnectionSampler::Listener*> ConnectionSampler::Candidates(
    Namespace& space, uid_t uid) {
  std::vector<Listener*> candidates;
  for (Listener& listener : space.listeners) {
    if (listener.is_tcp && listener.apps.empty() && listener.uid == uid &&
        listener.queue.limit.value_or(kBacklog) == kBacklog) {
      candidates.push_back(&listener);
    }
  }
  return candidates;
}

// Before the connections are looked at: what is accepted later than that was
// accepted by a process that ran later.
void ConnectionSampler::NoteRuns(Namespace& space) {
  for (const auto& [uid, apps] : space.suspects) {
    for (const AppId& app : apps) {
      for (const TrackedProcess* worker : workers_[app]) {
        const ProcessKey key = worker->gunicorn.process.key;
        const auto text = reader_.ReadQuietly(key.pid, "schedstat");
        if (text) space.runs[key] = *text;
      }
    }
  }
}

// Since the look before; after the connections were looked at.
bool ConnectionSampler::Ran(const Namespace& space, const AppId& app) {
  const auto& runs = space.memory->runs;
  const auto& workers = workers_[app];
  return std::any_of(workers.begin(), workers.end(), [&](const auto* worker) {
    const ProcessKey key = worker->gunicorn.process.key;
    const auto before = runs.find(key);
    const auto text = reader_.ReadQuietly(key.pid, "schedstat");
    return before == runs.end() || !text || before->second != *text;
  });
}

void ConnectionSampler::Learn(Namespace& space,
                              const std::vector<Connection>& connections) {
  std::map<const Door*, std::set<std::uint64_t>> accepted;
  for (const Connection& connection : connections) {
    if (connection.door->suspect != nullptr) {
      accepted[connection.door].insert(connection.inode);
    }
  }
  std::set<std::uint64_t> listeners;
  for (const auto& [address, door] : space.doors) {
    if (door.suspect == nullptr) continue;
    const Listener& listener = *door.suspect;
    listeners.insert(listener.inode);
    space.memory->evidence.See(
        listener.inode, std::move(accepted[&door]),
        space.suspects[listener.uid],
        [&](const AppId& app) { return Ran(space, app); });
  }
  space.memory->evidence.Keep(listeners);
  space.memory->runs = std::move(space.runs);
}

}  // namespace gunicorn_exporter
