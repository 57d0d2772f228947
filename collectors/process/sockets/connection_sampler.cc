#include "collectors/process/sockets/connection_sampler.h"

#include <algorithm>
#include <deque>
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

Upstreams::Party ToParty(const Tenant& tenant,
                         const std::map<ProcessKey, Descriptors>* held,
                         const AppSockets& app) {
  // Where who has a request is not told, anybody may.
  Upstreams::Party party{&tenant, held, std::nullopt,
                         !app.told || app.requests.count > 0};
  if (!app.told || app.requests_of_unknown > 0) return party;
  party.busy.emplace();
  for (const auto& [key, worker] : app.by_worker) {
    if (worker.requests.count > 0) party.busy->insert(key);
  }
  return party;
}

}  // namespace

void RequestsInHand::Add(std::optional<double> seconds, bool is_untold) {
  ++count;
  if (is_untold) ++untold;
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
  untold += others.untold;
}

std::map<AppId, AppSockets> ConnectionSampler::Sample(
    const std::map<ProcessKey, TrackedProcess>& processes,
    const std::vector<InstanceConfig>& instances, bool with_upstreams) {
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
                                           {},
                                           Upstreams(sole_owners_)})
            .first->second;
    if (std::any_of(here.begin(), here.end(),
                    [](const Tenant& tenant) { return tenant.is_new; })) {
      space.sockets.WantUnix();
    }
    SampleNamespace(space, here, instances, with_upstreams, apps);
  }
  for (auto& [id, app] : apps) {
    app.upstreams = LargestPeers(std::move(app.upstreams));
    if (app.told) continue;
    app = {false, std::move(app.listen_queues), 0, {}, {},
           0,     std::move(app.upstreams)};
  }
  return apps;
}

void ConnectionSampler::SampleNamespace(
    Namespace& space, std::vector<Tenant>& here,
    const std::vector<InstanceConfig>& instances, bool with_upstreams,
    std::map<AppId, AppSockets>& apps) {
  Look look{{}, {}, {}, {}, {}, space.seen, {}};
  look.listeners =
      space.sockets.Listeners(here.front().masters.front()->key().pid);
  look.by_address = ListenersByAddress(look.listeners);
  owners_.Claim(here, look.listeners, instances);
  look.connections = space.sockets.Connections(
      AllListeners(here), with_upstreams
                              ? space.upstreams.Ask(here, look.listeners)
                              : OpenedFilter{});
  look.now = now_();
  for (const AcceptedConnection& connection : look.connections) {
    look.by_inode[connection.tcp.inode] = &connection;
  }
  std::vector<Upstreams::Party> parties;
  std::deque<std::optional<DescriptorsOf>> descriptors;
  for (const Tenant& tenant : here) {
    AppSockets& app = apps[tenant.app];
    for (const ListeningSocket* listener : tenant.listeners) {
      AddQueue(app.listen_queues, listener->queue);
      if (!listener->path.empty()) space.sockets.WantUnix();
    }
    const auto& held =
        descriptors.emplace_back(ReadDescriptors(tenant, with_upstreams, look));
    const bool told = held && look.connections.size() <= kMaxOwnedConnections
                          ? CountByDescriptors(tenant, *held, look, app)
                          : CountByAddress(tenant, look, app);
    app.told = told && app.told;
    parties.push_back(ToParty(tenant, held ? &*held : nullptr, app));
  }
  space.seen = std::move(look.seen);
  if (!with_upstreams) return;
  auto counted =
      space.upstreams.Count(parties,
                            {look.listeners, look.connections,
                             space.sockets.Opened(), space.sockets.told(),
                             [&](std::uint64_t inode) {
                               return space.sockets.MayHaveSentLast(inode);
                             }},
                            look.now);
  for (std::size_t i = 0; i < here.size(); ++i) {
    AddPeers(apps[here[i].app].upstreams, std::move(counted[i]));
  }
}

void ConnectionSampler::Count(const TcpSocket& connection, const Holder& holder,
                              Look& look, RequestsInHand& requests) {
  const auto before = look.before.find(connection.inode);
  SeenConnection& seen = look.seen[connection.inode];
  const bool is_new = before == look.before.end();
  seen.carried = {connection.received, connection.sent};
  if (!is_new) seen.at_rest = before->second.at_rest;
  if (!IsInHand(connection, is_new ? nullptr : &before->second.carried,
                seen.at_rest, holder.is_sync, holder.attention)) {
    // A tie may still turn out to be a request.
    if (connection.exchange != ConnectionState::kTie) {
      seen.at_rest = seen.carried;
    }
    return;
  }
  const milliseconds quiet(connection.times ? connection.times->received : 0);
  seen.worker = holder.worker;
  seen.request_at = look.now - quiet;
  seen.is_untold = !holder.is_sync &&
                   connection.exchange == ConnectionState::kUnknown &&
                   holder.attention == Attention::kUnknown;
  requests.Add(connection.times ? std::optional(duration<double>(quiet).count())
                                : std::nullopt,
               seen.is_untold);
}

Attentions ConnectionSampler::AttentionsOf(const ProcessSnapshot& worker,
                                           const Descriptors& descriptors,
                                           const Look& look) {
  // What a worker without threads has in hand is told by what it carried.
  bool is_asked = worker.threads > 1;
  std::set<std::uint64_t> clients;
  std::set<std::uint64_t> moved;
  for (const std::uint64_t inode : descriptors.sockets.inodes) {
    const auto connection = look.by_inode.find(inode);
    if (connection == look.by_inode.end()) continue;
    clients.insert(inode);
    const TcpSocket& tcp = connection->second->tcp;
    const bool is_untold = tcp.exchange == ConnectionState::kUnknown;
    is_asked = is_asked || is_untold;
    const auto before = look.before.find(inode);
    const bool is_at_rest =
        tcp.exchange == ConnectionState::kSilent ||
        (!is_untold && before != look.before.end() &&
         before->second.at_rest == CarriedBytes{tcp.received, tcp.sent});
    if (!is_at_rest) moved.insert(inode);
  }
  if (!is_asked || moved.empty()) return {};
  for (const ListeningSocket& listener : look.listeners) {
    clients.insert(listener.inode);
  }
  return ReadAttentions(reader_, worker.key.pid, descriptors, moved, clients);
}

std::optional<ConnectionSampler::DescriptorsOf>
ConnectionSampler::ReadDescriptors(const Tenant& tenant, bool with_upstreams,
                                   const Look& look) {
  if (!tenant.is_readable ||
      (!with_upstreams && look.connections.size() > kMaxOwnedConnections)) {
    return std::nullopt;
  }
  DescriptorsOf held;
  std::vector<const TrackedProcess*> processes;
  // Where nobody holds a connection there is no need to look.
  if (with_upstreams || !look.connections.empty() || !look.before.empty()) {
    processes = tenant.workers;
  }
  if (with_upstreams) {
    processes.insert(processes.end(), tenant.masters.begin(),
                     tenant.masters.end());
    processes.insert(processes.end(), tenant.dirty.begin(), tenant.dirty.end());
  }
  for (const TrackedProcess* process : processes) {
    const ProcessKey& key = process->key();
    auto links = reader_.ReadFds(key.pid);
    if (links) {
      Descriptors& descriptors = held[key];
      descriptors.links = *std::move(links);
      descriptors.sockets = ToHeldSockets(descriptors.links);
    } else if (reader_.HasGone(key.pid)) {
      held.try_emplace(key);  // It holds nothing any more.
    } else {
      return std::nullopt;
    }
  }
  return held;
}

bool ConnectionSampler::CountByDescriptors(const Tenant& tenant,
                                           const DescriptorsOf& held,
                                           Look& look, AppSockets& app) {
  for (const TrackedProcess* process : tenant.workers) {
    const ProcessKey& key = process->key();
    HeldByWorker& worker = app.by_worker[key];
    const auto descriptors = held.find(key);
    if (descriptors == held.end()) continue;
    const HeldSockets& sockets = descriptors->second.sockets;
    worker.has_heartbeat = sockets.has_heartbeat;
    const Attentions attentions = sockets.is_sync()
                                      ? Attentions()
                                      : AttentionsOf(process->gunicorn.process,
                                                     descriptors->second, look);
    for (const std::uint64_t inode : sockets.inodes) {
      const auto connection = look.by_inode.find(inode);
      if (connection != look.by_inode.end()) {
        ++worker.connections;
        const auto told = attentions.find(inode);
        const Attention attention =
            told == attentions.end() ? Attention::kUnknown : told->second;
        Count(connection->second->tcp, {key, sockets.is_sync(), attention},
              look, worker.requests);
        continue;
      }
      // The client has reset it, and the worker goes on.
      const auto before = look.before.find(inode);
      if (before == look.before.end() || before->second.worker != key) continue;
      look.seen[inode] = before->second;
      worker.requests.Add(
          duration<double>(look.now - before->second.request_at).count(),
          before->second.is_untold);
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
