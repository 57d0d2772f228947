#include "collectors/process/sockets/listener_owners.h"

#include <algorithm>
#include <string>

#include "collectors/process/sockets/worker_state.h"

namespace gunicorn_exporter {
namespace {

SocketAddress Wildcard(const SocketAddress& local) {
  SocketAddress any;
  any.is_v6 = local.is_v6;
  any.port = local.port;
  return any;
}

}  // namespace

ListenersByAddress::ListenersByAddress(
    const std::vector<ListeningSocket>& listeners) {
  for (const ListeningSocket& listener : listeners) {
    (listener.path.empty() ? tcp_[listener.endpoint] : unix_[listener.path])
        .push_back(&listener);
  }
}

std::vector<const ListeningSocket*> ListenersByAddress::Accepting(
    const AcceptedConnection& connection) const {
  if (!connection.path.empty()) {
    const auto found = unix_.find(connection.path);
    if (found != unix_.end()) return found->second;
    return {};
  }
  const SocketAddress& local = connection.tcp.local;
  for (const SocketAddress& address : {local, Wildcard(local)}) {
    const auto found = tcp_.find(address);
    if (found != tcp_.end()) return found->second;
  }
  return {};
}

std::map<std::uint64_t, std::vector<Tenant>> ListenerOwners::FindTenants(
    const std::map<ProcessKey, TrackedProcess>& processes) {
  std::set<AppId> with_master;
  std::map<ProcessKey, std::vector<const TrackedProcess*>> workers_of;
  std::map<ProcessKey, std::vector<const TrackedProcess*>> dirty_of;
  for (const auto& [key, process] : processes) {
    if (process.IsMaster()) {
      with_master.insert(process.app);
    } else if (process.IsWorker()) {
      workers_of[process.gunicorn.master].push_back(&process);
    } else if (ToCpuRole(process.gunicorn.role) == CpuRole::kDirty) {
      dirty_of[process.gunicorn.master].push_back(&process);
    }
  }
  std::map<std::uint64_t, std::vector<Tenant>> tenants;
  for (const auto& [key, process] : processes) {
    const AppId& app = process.app;
    const ProcessRole role = process.gunicorn.role;
    if (role != ProcessRole::kMaster &&
        (role != ProcessRole::kOrphan || with_master.contains(app))) {
      continue;
    }
    const auto [known, is_new] = masters_.try_emplace(key);
    MasterSockets& sockets = known->second;
    if (!sockets.network_namespace) {
      sockets.network_namespace = reader_.NetworkNamespace(key.pid);
    }
    if (!sockets.network_namespace) continue;
    std::vector<Tenant>& here = tenants[*sockets.network_namespace];
    auto tenant =
        std::find_if(here.begin(), here.end(),
                     [&](const Tenant& other) { return other.app == app; });
    if (tenant == here.end()) {
      tenant = here.insert(here.end(), Tenant{});
      tenant->app = app;
    }
    tenant->masters.push_back(&process);
    tenant->is_new = tenant->is_new || is_new;
    const auto& workers = workers_of[key];
    tenant->workers.insert(tenant->workers.end(), workers.begin(),
                           workers.end());
    const auto& dirty = dirty_of[key];
    tenant->dirty.insert(tenant->dirty.end(), dirty.begin(), dirty.end());
  }
  std::erase_if(masters_, [&](const auto& entry) {
    return !processes.contains(entry.first);
  });
  return tenants;
}

void ListenerOwners::Claim(std::vector<Tenant>& tenants,
                           const std::vector<ListeningSocket>& listeners,
                           const std::vector<InstanceConfig>& instances) {
  for (Tenant& tenant : tenants) {
    const auto claim = [&](const auto& is_its) {
      for (const ListeningSocket& listener : listeners) {
        if (is_its(listener)) tenant.listeners.push_back(&listener);
      }
      return !tenant.listeners.empty();
    };
    const auto claimed = ReadSockets(tenant, listeners);
    tenant.is_readable = claimed.has_value();
    if (claimed) {
      claim([&](const auto& one) { return claimed->contains(one.inode); });
      continue;
    }
    if (claim([&](const auto& one) {
          return one.cgroup && sole_owners_.OfCgroup(*one.cgroup) == tenant.app;
        })) {
      continue;
    }
    if (sole_owners_.HasPodAlone(tenant.app)) {
      claim([](const auto&) { return true; });
    } else if (claim([&](const auto& one) {
                 return one.user &&
                        sole_owners_.OfUser(*one.user) == tenant.app;
               })) {
      tenant.user = tenant.listeners.back()->user;
    }
    if (!tenant.listeners.empty()) continue;
    claim([&](const auto& one) {
      return std::any_of(
          instances.begin(), instances.end(), [&](const auto& instance) {
            return instance.proc_name == tenant.app.name &&
                   std::find(instance.bind.begin(), instance.bind.end(),
                             one.queue.address) != instance.bind.end();
          });
    });
  }
}

// What this master and, where there is one, a worker of it hold.
std::optional<std::set<std::uint64_t>> ListenerOwners::ReadSocketsOf(
    const TrackedProcess& master, const Tenant& tenant) {
  const auto links = reader_.ReadFds(master.key().pid);
  if (!links) return std::nullopt;
  HeldSockets held = ToHeldSockets(*links);
  for (const TrackedProcess* worker : tenant.workers) {
    if (worker->gunicorn.master != master.key()) continue;
    const auto of_worker = reader_.ReadFds(worker->key().pid);
    if (!of_worker) continue;
    const HeldSockets also = ToHeldSockets(*of_worker);
    std::erase_if(held.inodes, [&](std::uint64_t inode) {
      return !also.inodes.contains(inode);
    });
    break;
  }
  return std::move(held.inodes);
}

std::optional<std::set<std::uint64_t>> ListenerOwners::ReadSockets(
    const Tenant& tenant, const std::vector<ListeningSocket>& listeners) {
  std::set<std::uint64_t> all;
  for (const TrackedProcess* master : tenant.masters) {
    MasterSockets& sockets = masters_[master->key()];
    const auto listens = [&] {
      return std::any_of(listeners.begin(), listeners.end(),
                         [&](const ListeningSocket& listener) {
                           return sockets.inodes->contains(listener.inode);
                         });
    };
    if (sockets.samples_left-- <= 0 || (sockets.inodes && !listens())) {
      sockets.samples_left = kRememberSamples;
      sockets.inodes = ReadSocketsOf(*master, tenant);
    }
    if (!sockets.inodes) return std::nullopt;
    all.insert(sockets.inodes->begin(), sockets.inodes->end());
  }
  return all;
}

Owner ListenerOwners::OwnerOf(const AcceptedConnection& connection,
                              const Tenant& tenant,
                              const ListenersByAddress& listeners) {
  bool is_ours = false;
  bool is_others = false;
  for (const ListeningSocket* listener : listeners.Accepting(connection)) {
    const bool ours =
        std::find(tenant.listeners.begin(), tenant.listeners.end(), listener) !=
        tenant.listeners.end();
    (ours ? is_ours : is_others) = true;
  }
  if (!is_ours) return Owner::kAnother;
  if (connection.tcp.cgroup) {
    const auto owner = sole_owners_.OfCgroup(*connection.tcp.cgroup);
    if (owner) return owner == tenant.app ? Owner::kThis : Owner::kAnother;
  }
  if (connection.path.empty() && tenant.user &&
      tenant.user != connection.tcp.uid) {
    return Owner::kAnother;
  }
  return is_others ? Owner::kShared : Owner::kThis;
}

}  // namespace gunicorn_exporter
