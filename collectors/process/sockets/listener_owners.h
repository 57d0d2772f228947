// Whose listening sockets are those in the kernel's tables? By proof alone. For
// each app, the first of these that answers:
// 1. the descriptors of its processes, where they may be read: its listeners
//    are those that a master and a worker of it hold;
// 2. the cgroup that the kernel names for each TCP socket, where that is the
//    app's alone (sole_owners.h);
// 3. the network namespace, where its pod is the app's alone; or the socket's
//    user, where that is;
// 4. `bind` of its configuration.
// Else it has none, and nothing is known of its connections.
//
// Without descriptors, what came in by an app's listener is the app's. Where
// others listen on the same address, the cgroups of TCP connections tell them
// apart, else nothing does. A listener that a master alone holds (a metrics
// server, a control socket) then counts as the app's, and whoever inherited a
// socket counts for its maker; a gunicorn that is told by its TCP listener may
// have a unix one besides that is not.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "collectors/process/app_registry.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/process/sockets/namespace_sockets.h"
#include "collectors/process/sockets/sole_owners.h"
#include "config/config.h"

namespace gunicorn_exporter {

// An app's part in one network namespace.
struct Tenant {
  AppId app;
  // Where no master is left, the workers that outlived it.
  std::vector<const TrackedProcess*> masters;
  std::vector<const TrackedProcess*> workers;  // Of these masters.
  std::vector<const TrackedProcess*> dirty;    // Arbiter and workers of these.
  bool is_new = false;  // A master was not there at the look before.
  // The descriptors of its masters may be read.
  bool is_readable = true;
  std::vector<const ListeningSocket*> listeners;
  std::optional<uid_t> user;  // By which they were claimed.
};

// The listeners of a namespace, by where they listen. They have to stay.
class ListenersByAddress {
 public:
  ListenersByAddress() = default;
  explicit ListenersByAddress(const std::vector<ListeningSocket>& listeners);

  // Where the kernel hands a connection in: at the exact address before the
  // wildcard one. A dual-stack listener's IPv4 clients have a mapped address of
  // IPv6, those of a listener of IPv4 alone do not: the family tells them
  // apart.
  std::vector<const ListeningSocket*> Accepting(
      const AcceptedConnection& connection) const;

 private:
  std::map<SocketAddress, std::vector<const ListeningSocket*>> tcp_;
  std::map<std::string, std::vector<const ListeningSocket*>> unix_;  // By path.
};

enum class Owner : std::uint8_t {
  kThis,
  kAnother,
  kShared,  // One of several, and nothing tells which.
};

class ListenerOwners {
 public:
  // How many samples a master's descriptors are remembered for, where none of
  // its listeners went away.
  static constexpr int kRememberSamples = 10;

  // Both must outlive this.
  ListenerOwners(ProcReader& reader, SoleOwners& sole_owners)
      : reader_(reader), sole_owners_(sole_owners) {}

  // By network namespace, without listeners.
  std::map<std::uint64_t, std::vector<Tenant>> FindTenants(
      const std::map<ProcessKey, TrackedProcess>& processes);

  // Gives each tenant of a namespace its listeners. `listeners` are all of that
  // namespace's, and have to stay.
  void Claim(std::vector<Tenant>& tenants,
             const std::vector<ListeningSocket>& listeners,
             const std::vector<InstanceConfig>& instances);

  // Whose connection is it, told without the tenant's descriptors?
  Owner OwnerOf(const AcceptedConnection& connection, const Tenant& tenant,
                const ListenersByAddress& listeners);

 private:
  struct MasterSockets {
    std::optional<std::uint64_t> network_namespace;
    // Nothing: denied.
    std::optional<std::set<std::uint64_t>> inodes;
    int samples_left = 0;  // Until the descriptors are read again.
  };

  // What all masters of a tenant hold; nothing where it may not be read.
  std::optional<std::set<std::uint64_t>> ReadSockets(
      const Tenant& tenant, const std::vector<ListeningSocket>& listeners);
  std::optional<std::set<std::uint64_t>> ReadSocketsOf(
      const TrackedProcess& master, const Tenant& tenant);

  ProcReader& reader_;
  SoleOwners& sole_owners_;
  std::map<ProcessKey, MasterSockets> masters_;
};

}  // namespace gunicorn_exporter
