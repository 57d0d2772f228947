// How many connections does each app hold, and which of them have a request in
// hand? Whose they are, listener_owners.h tells. And which have its processes
// opened themselves (upstreams.h)?
//
// Where descriptors may be read, a connection is that of the worker that holds
// it. For these they are read only where there are connections, and not past
// kMaxOwnedConnections of them; for upstreams always.
//
// Thread rule: one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collectors/process/app_registry.h"
#include "collectors/process/process_view.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/process/sockets/attention.h"
#include "collectors/process/sockets/listener_owners.h"
#include "collectors/process/sockets/namespace_sockets.h"
#include "collectors/process/sockets/sole_owners.h"
#include "collectors/process/sockets/upstreams.h"
#include "collectors/process/sockets/worker_state.h"

namespace gunicorn_exporter {

// Requests that are not answered yet.
struct RequestsInHand {
  std::size_t count = 0;
  // How long ago the last byte of the oldest came. Nothing where one of them
  // does not tell.
  std::optional<double> oldest_seconds = 0;
  // Of `count`, those that are taken for one since nothing tells.
  std::size_t untold = 0;

  void Add(std::optional<double> seconds, bool is_untold = false);
  void Add(const RequestsInHand& others);
};

struct HeldByWorker {
  std::uint64_t connections = 0;
  RequestsInHand requests;
  // By its descriptors; a worker that has gone has none. Nothing where they
  // were not read, since nobody holds a connection.
  std::optional<bool> has_heartbeat;
};

// One sample of an app's sockets.
struct AppSockets {
  // Whose the connections are is known. Else the rest is empty, but for queues.
  bool told = true;
  std::vector<ListenQueue> listen_queues;
  std::uint64_t connections = 0;
  RequestsInHand requests;
  // Where descriptors may be read.
  std::map<ProcessKey, HeldByWorker> by_worker;
  // Of `requests`, those of which it is not known which worker has them.
  std::size_t requests_of_unknown = 0;
  // Also where the rest is not told.
  std::vector<Upstream> upstreams;
};

class ConnectionSampler {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kMaxOwnedConnections = 5000;

  // Reader and owners must outlive the sampler. `now` is asked when the
  // sockets have been told: the ages that the kernel tells count from then.
  ConnectionSampler(ProcReader& reader, SoleOwners& sole_owners,
                    std::function<TimePoint()> now)
      : reader_(reader),
        sole_owners_(sole_owners),
        owners_(reader, sole_owners),
        now_(std::move(now)),
        own_namespace_(reader.OwnNetworkNamespace()) {}

  // `sole_owners` has been updated for these processes.
  std::map<AppId, AppSockets> Sample(
      const std::map<ProcessKey, TrackedProcess>& processes,
      const std::vector<InstanceConfig>& instances, bool with_upstreams);

 private:
  // A connection as a sample saw it.
  struct SeenConnection {
    CarriedBytes carried;
    CarriedBytes at_rest;  // At the last sample without a request in hand.
    std::optional<ProcessKey> worker;  // That had a request of it in hand.
    TimePoint request_at;              // When the request's last byte came.
    bool is_untold = false;            // See RequestsInHand.
  };
  using SeenConnections = std::unordered_map<std::uint64_t, SeenConnection>;
  struct Namespace {
    NamespaceSockets sockets;
    SeenConnections seen;  // At the last sample, by inode.
    Upstreams upstreams;
  };
  // One look at a namespace.
  struct Look {
    TimePoint now;
    std::vector<ListeningSocket> listeners;
    ListenersByAddress by_address;
    std::vector<AcceptedConnection> connections;
    std::unordered_map<std::uint64_t, const AcceptedConnection*> by_inode;
    const SeenConnections& before;
    SeenConnections seen;
  };

  // Adds what is in one namespace.
  void SampleNamespace(Namespace& space, std::vector<Tenant>& here,
                       const std::vector<InstanceConfig>& instances,
                       bool with_upstreams, std::map<AppId, AppSockets>& apps);
  // Of the worker's connections that may have a request in hand, where what
  // they carried does not tell alone.
  Attentions AttentionsOf(const ProcessSnapshot& worker,
                          const Descriptors& descriptors, const Look& look);
  // Nothing where they are denied. Of a process that has gone: none.
  using DescriptorsOf = std::map<ProcessKey, Descriptors>;
  std::optional<DescriptorsOf> ReadDescriptors(const Tenant& tenant,
                                               bool with_upstreams,
                                               const Look& look);
  bool CountByDescriptors(const Tenant& tenant, const DescriptorsOf& held,
                          Look& look, AppSockets& app);
  bool CountByAddress(const Tenant& tenant, Look& look, AppSockets& app);
  struct Holder {
    std::optional<ProcessKey> worker;
    bool is_sync = false;
    Attention attention = Attention::kUnknown;
  };
  static void Count(const TcpSocket& connection, const Holder& holder,
                    Look& look, RequestsInHand& requests);

  ProcReader& reader_;
  SoleOwners& sole_owners_;
  ListenerOwners owners_;
  const std::function<TimePoint()> now_;
  const std::optional<std::uint64_t> own_namespace_;
  std::map<std::uint64_t, Namespace> namespaces_;
};

}  // namespace gunicorn_exporter
