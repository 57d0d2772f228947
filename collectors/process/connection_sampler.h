// Whose listening sockets and connections are those in the kernel's tables?
//
// An app's listeners are the listening sockets among its masters' descriptors.
// Where those may not be read, they are the only candidates that the rest
// leaves: of the same user, with gunicorn's own backlog of 2048 where limits
// are told, when a single app can be meant; else the app has no series of
// sockets. Its connections are the accepted ones (an inode is there) of those
// listeners' addresses; which worker holds one is in the workers' descriptors.
// Where another socket listens on the same address (SO_REUSEPORT), only those
// found in the app's own descriptors count.
//
// Costs: the listeners of each network namespace and the connections on their
// ports, once a sample; in foreign namespaces the whole of net/tcp; net/unix
// where an app listens there, else now and then. Descriptors
// of workers are read only where there are connections, and not past
// kMaxOwnedConnections of them.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collectors/process/app_registry.h"
#include "collectors/process/proc_reader.h"
#include "collectors/process/process_view.h"
#include "collectors/process/sock_diag.h"
#include "collectors/process/socket_table.h"
#include "collectors/process/worker_state.h"

namespace gunicorn_exporter {

// One sample of an app's sockets.
struct AppSockets {
  std::vector<ListenQueue> listen_queues;
  // Empty when its listeners or connections cannot be told from others'.
  std::optional<std::uint64_t> connections;
  // By worker, where descriptors may be read.
  std::map<ProcessKey, std::uint64_t> by_worker;
  std::set<ProcessKey> in_hand;
  // Requests in hand of nobody known.
  std::size_t in_hand_of_unknown = 0;
};

class ConnectionSampler {
 public:
  static constexpr std::size_t kMaxOwnedConnections = 5000;
  // How many samples a master's descriptors are remembered for, where none of
  // its listeners went away.
  static constexpr int kRememberSamples = 10;

  // `reader` must outlive the sampler.
  explicit ConnectionSampler(ProcReader& reader);

  std::map<AppId, AppSockets> Sample(
      const std::map<ProcessKey, TrackedProcess>& processes);

 private:
  struct MasterSockets {
    std::optional<std::uint64_t> network_namespace;
    std::optional<uid_t> uid;
    // Empty: denied.
    std::optional<std::set<std::uint64_t>> inodes;
    int samples_left = 0;  // Until the descriptors are read again.
  };
  struct Master {
    const TrackedProcess* process = nullptr;
    MasterSockets* sockets = nullptr;
  };
  struct Listener {
    ListenQueue queue;
    bool is_tcp = true;
    SocketAddress endpoint;  // Of a TCP one.
    uid_t uid = 0;
    std::uint64_t inode = 0;
    std::set<AppId> apps;
    // Somebody else, or another app, listens on the same address.
    bool shared = false;
  };
  struct Connection {
    std::uint64_t inode = 0;
    ConnectionState exchange = ConnectionState::kUnknown;
    const Listener* listener = nullptr;
  };
  struct Namespace {
    std::vector<Master> masters;
    bool own = false;
    bool by_sock_diag = false;
    bool with_unix = true;  // net/unix is read this time.
    std::vector<Listener> listeners;
    std::vector<TcpSocket> tcp;  // Of net/tcp, where sock_diag is not used.
    std::vector<UnixStream> unix_sockets;
  };

  std::map<std::uint64_t, Namespace> GroupMasters(
      const std::map<ProcessKey, TrackedProcess>& processes);
  void RefreshMaster(const ProcessKey& key, MasterSockets& master);
  void ReadTcpTables(Namespace& space);
  void ReadListeners(Namespace& space);
  void ReadUnixListeners(Namespace& space);
  void ReadUnixLimits(Namespace& space);
  void Attribute(Namespace& space);
  void Guess(Namespace& space);
  std::vector<Connection> ReadConnections(Namespace& space);
  void SettleTies(const Namespace& space, std::vector<TcpSocket>& sockets);
  void CountConnections(AppSockets& app,
                        const std::vector<Connection>& connections,
                        const std::vector<const TrackedProcess*>& workers,
                        const std::set<std::uint64_t>& clients);
  std::optional<WorkerSockets> ReadWorker(
      pid_t pid, const std::set<std::uint64_t>& clients);

  ProcReader& reader_;
  SockDiag sock_diag_;
  std::map<ProcessKey, MasterSockets> masters_;
  // Ties that were settled, by inode, with the bytes at that time.
  std::map<std::uint64_t, std::pair<std::uint64_t, ConnectionState>> settled_;
  // By network namespace: until net/unix is read again, where no app listens on
  // a unix socket.
  std::map<std::uint64_t, int> unix_samples_left_;
  std::optional<std::uint64_t> own_namespace_;
};

}  // namespace gunicorn_exporter
