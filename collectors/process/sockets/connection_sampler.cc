#include "collectors/process/sockets/connection_sampler.h"

#include <algorithm>
#include <set>
#include <utility>

namespace gunicorn_exporter {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

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

// Each once, also one that two apps share.
std::vector<const ListeningSocket*> AllListeners(
    const std::vector<Tenant>& tenants) {
  std::set<const ListeningSocket*> all;
  for (const Tenant& tenant : tenants) {
    all.insert(tenant.listeners.begin(), tenant.listeners.end());
  }
  return {all.begin(), all.end()};
}

}  // namespace

void RequestsInHand::Add(std::optional<double> seconds) {
  ++count;
  if (!seconds) {
    oldest_seconds.reset();
  } else if (oldest_seconds) {
    oldest_seconds = std::max(*oldest_seconds, *seconds);
  }
}

void RequestsInHand::Add(const RequestsInHand& others) {
  if (others.count == 0) return;
  Add(others.oldest_seconds);
  count += others.count - 1;
}

std::map<AppId, AppSockets> ConnectionSampler::Sample(
    const std::map<ProcessKey, TrackedProcess>& processes,
    const std::vector<InstanceConfig>& instances, TimePoint now) {
  auto tenants = owners_.FindTenants(processes);
  std::erase_if(namespaces_, [&](const auto& entry) {
    return !tenants.contains(entry.first);
  });
  std::map<AppId, AppSockets> apps;
  for (auto& [number, here] : tenants) {
    Namespace& space =
        namespaces_
            .try_emplace(number, Namespace{NamespaceSockets(reader_, number,
                                                            own_namespace_),
                                           {}})
            .first->second;
    if (std::any_of(here.begin(), here.end(),
                    [](const Tenant& tenant) { return tenant.is_new; })) {
      space.sockets.WantUnix();
    }
    Look look{now, {}, {}, {}, {}, space.seen, {}};
    look.listeners = space.sockets.Listeners(
        here.front().masters.front()->gunicorn.process.key.pid);
    look.by_address = ListenersByAddress(look.listeners);
    owners_.Claim(here, look.listeners, instances);
    look.connections = space.sockets.Connections(AllListeners(here));
    for (const AcceptedConnection& connection : look.connections) {
      look.by_inode[connection.tcp.inode] = &connection;
    }
    for (const Tenant& tenant : here) {
      AppSockets& app = apps[tenant.app];
      for (const ListeningSocket* listener : tenant.listeners) {
        AddQueue(app.listen_queues, listener->queue);
        if (!listener->path.empty()) space.sockets.WantUnix();
      }
      app.told = CountByDescriptors(tenant, look, app) && app.told;
    }
    space.seen = std::move(look.seen);
  }
  for (auto& [id, app] : apps) {
    if (app.told) continue;
    app = {false, std::move(app.listen_queues), 0, {}, {}, 0};
  }
  return apps;
}

void ConnectionSampler::Count(const TcpSocket& connection, const Holder& holder,
                              Look& look, RequestsInHand& requests) {
  const auto before = look.before.find(connection.inode);
  SeenConnection& seen = look.seen[connection.inode];
  seen.carried = {connection.received, connection.sent};
  if (!IsInHand(connection,
                before == look.before.end() ? nullptr : &before->second.carried,
                holder.is_sync, holder.is_waited_for)) {
    return;
  }
  const milliseconds quiet(connection.quiet_milliseconds.value_or(0));
  seen.worker = holder.worker;
  seen.request_at = look.now - quiet;
  requests.Add(connection.quiet_milliseconds
                   ? std::optional(duration<double>(quiet).count())
                   : std::nullopt);
}

std::set<std::uint64_t> ConnectionSampler::ReadWaitedFor(
    pid_t pid, const std::vector<FdLink>& links, const HeldSockets& held,
    const Look& look) {
  std::set<std::uint64_t> clients;
  bool wanted = false;
  for (const std::uint64_t inode : held.inodes) {
    const auto connection = look.by_inode.find(inode);
    if (connection == look.by_inode.end()) continue;
    clients.insert(inode);
    wanted =
        wanted || connection->second->tcp.exchange == ConnectionState::kUnknown;
  }
  if (!wanted) return {};
  for (const ListeningSocket& listener : look.listeners) {
    clients.insert(listener.inode);
  }
  std::vector<std::set<int>> epoll_sets;
  for (const int fd : held.epoll_sets) {
    const auto text = reader_.ReadFdInfo(pid, fd);
    if (text) epoll_sets.push_back(ParseEpollSet(*text));
  }
  return WaitedFor(links, epoll_sets, clients);
}

bool ConnectionSampler::CountByDescriptors(const Tenant& tenant, Look& look,
                                           AppSockets& app) {
  if (!tenant.is_readable || look.connections.size() > kMaxOwnedConnections) {
    return CountByAddress(tenant, look, app);
  }
  struct Held {
    HeldSockets sockets;
    std::set<std::uint64_t> waited_for;
  };
  std::map<ProcessKey, Held> held_by;
  for (const TrackedProcess* worker : tenant.workers) {
    const ProcessKey& key = worker->gunicorn.process.key;
    // Where nobody holds one there is no need to look.
    if (look.connections.empty() && look.before.empty()) {
      held_by[key];
      continue;
    }
    const auto links = reader_.ReadFds(key.pid);
    if (links) {
      Held& held = held_by[key];
      held.sockets = ToHeldSockets(*links);
      held.waited_for = ReadWaitedFor(key.pid, *links, held.sockets, look);
    } else if (!reader_.HasGone(key.pid)) {
      return CountByAddress(tenant, look, app);
    }
  }
  for (const auto& [key, held] : held_by) {
    HeldByWorker& worker = app.by_worker[key];
    worker.has_heartbeat = held.sockets.has_heartbeat;
    for (const std::uint64_t inode : held.sockets.inodes) {
      const auto connection = look.by_inode.find(inode);
      if (connection != look.by_inode.end()) {
        ++worker.connections;
        Count(connection->second->tcp,
              {key, held.sockets.is_sync(), held.waited_for.contains(inode)},
              look, worker.requests);
        continue;
      }
      // The client has reset it, and the worker goes on.
      const auto before = look.before.find(inode);
      if (before == look.before.end() || before->second.worker != key) continue;
      look.seen[inode] = before->second;
      worker.requests.Add(
          duration<double>(look.now - before->second.request_at).count());
    }
    app.connections += worker.connections;
    app.requests.Add(worker.requests);
  }
  return true;
}

bool ConnectionSampler::CountByAddress(const Tenant& tenant, Look& look,
                                       AppSockets& app) {
  if (tenant.listeners.empty()) return tenant.is_readable;
  RequestsInHand requests;
  for (const AcceptedConnection& connection : look.connections) {
    switch (owners_.OwnerOf(connection, tenant, look.by_address)) {
      case Owner::kAnother:
        continue;
      case Owner::kShared:
        return false;
      case Owner::kThis:
        break;
    }
    ++app.connections;
    Count(connection.tcp, {}, look, requests);
  }
  app.requests.Add(requests);
  app.requests_of_unknown += requests.count;
  return true;
}

}  // namespace gunicorn_exporter
