// Whose listening sockets and connections are those in the kernel's tables?
//
// An app's listeners are the listening sockets among its masters' descriptors.
// Where those may not be read, they are the only candidates that the rest
// leaves: of the same user, with gunicorn's own backlog of 2048 where limits
// are told, when a single app can be meant. Of several apps of one user, each
// gets those that it is found out to accept from (listener_evidence.h); one of
// which none is found out has no series of sockets. Its connections are the
// accepted ones (an inode is there) of those listeners' addresses; which worker
// holds one is in the workers' descriptors.
//
// Sockets that listen on one address are one door (SO_REUSEPORT, a path that
// was bound again). What comes in there belongs to whoever holds it: where
// descriptors may be read, a connection counts once, for its worker's app, and
// one that a foreign process holds counts for nobody. Where they may not, an
// accepted connection's user is that of the process that accepted it, so other
// users' are left out; an app that shares its door has no series of
// connections. A foreign process of the same user that accepts from the app's
// own listening socket cannot be told from it then. A connection that waits is
// in the queue of its own listening socket: apps that share one socket (an
// inherited descriptor) show the same queue.
//
// Costs: the listeners of each network namespace and the connections on their
// ports, once a sample, by sock_diag; in a foreign namespace that this process
// may not enter the whole of net/tcp; net/unix where an app listens there, else
// now and then. Descriptors of workers are read only where there are
// connections, and not past kMaxOwnedConnections of them.
//
// A foreign namespace is entered once, where CAP_SYS_ADMIN is there anyway: see
// network_namespace.h. The socket that is kept of it lives at most a sample
// longer than the namespace's last gunicorn.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collectors/process/app_registry.h"
#include "collectors/process/process_view.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/process/read/sock_diag.h"
#include "collectors/process/read/socket_table.h"
#include "collectors/process/sockets/listener_evidence.h"
#include "collectors/process/sockets/worker_state.h"

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
    bool suspected = false;  // It may be any of some apps' (listener_evidence).
  };
  // All sockets that listen on one address.
  struct Door {
    std::set<AppId> apps;
    const Listener* suspect = nullptr;  // Its one listener, if suspected.
    bool shared = false;  // Of several apps, or a foreign socket is among them.
  };
  struct Connection {
    std::uint64_t inode = 0;
    std::optional<uid_t> uid;  // Of the process that accepted it.
    ConnectionState exchange = ConnectionState::kUnknown;
    // Where the kernel hands it in: the exact address before the wildcard one.
    const Door* door = nullptr;
    // The wildcard door, where there is an exact one: it may have come in there
    // before that one was opened.
    const Door* other_door = nullptr;
  };
  // What is remembered of a network namespace from one sample to the next.
  struct Memory {
    // Until net/unix is read again, where no app listens on a unix socket.
    int unix_samples_left = 0;
    // In the namespace; nothing where it cannot be entered.
    std::unique_ptr<SockDiag> sock_diag;
    bool entered = false;  // It has been tried.
    // Ties that were settled, by inode, with the bytes at that time.
    std::map<std::uint64_t, std::pair<std::uint64_t, ConnectionState>> settled;
    ListenerEvidence evidence;
    // What schedstat said of workers before the last look at the connections.
    std::map<ProcessKey, std::string> runs;
  };
  struct Namespace {
    std::vector<Master> masters;
    // Apps of one user that are not told apart by their descriptors.
    std::map<uid_t, std::set<AppId>> suspects;
    std::map<ProcessKey, std::string> runs;
    Memory* memory = nullptr;
    bool by_sock_diag = false;
    bool with_unix = true;  // net/unix is read this time.
    std::vector<Listener> listeners;
    std::map<SocketAddress, Door> doors;
    std::map<std::string, Door> unix_doors;  // By path.
    std::vector<TcpSocket> tcp;  // Of net/tcp, where sock_diag is not used.
    std::vector<UnixStream> unix_sockets;
  };

  std::map<std::uint64_t, Namespace> GroupMasters(
      const std::map<ProcessKey, TrackedProcess>& processes);
  void Enter(std::uint64_t inode, Namespace& space);
  void RefreshMaster(const ProcessKey& key, MasterSockets& master);
  std::vector<TcpSocket> ReadTcpTables(const Namespace& space);
  void ReadListeners(Namespace& space);
  void ReadUnixListeners(Namespace& space);
  void ReadUnixLimits(Namespace& space);
  void Attribute(Namespace& space);
  void Guess(Namespace& space);
  std::vector<Listener*> Candidates(Namespace& space, uid_t uid);
  void NoteRuns(Namespace& space);
  bool Ran(const Namespace& space, const AppId& app);
  void Learn(Namespace& space, const std::vector<Connection>& connections);
  static void FindDoors(Namespace& space);
  void ReadTcpConnections(Namespace& space);
  std::vector<Connection> ReadConnections(Namespace& space);
  void SettleTies(const Namespace& space, std::vector<TcpSocket>& sockets);
  void CountConnections(const AppId& id, AppSockets& app,
                        const std::vector<Connection>& connections,
                        const std::vector<const TrackedProcess*>& workers,
                        const std::set<std::uint64_t>& clients);
  // The user of an app's workers.
  std::optional<uid_t> UserOf(
      const std::vector<const TrackedProcess*>& workers);
  std::optional<WorkerSockets> ReadWorker(
      pid_t pid, const std::set<std::uint64_t>& clients);

  ProcReader& reader_;
  std::map<AppId, std::vector<const TrackedProcess*>> workers_;  // In a sample.
  std::map<ProcessKey, MasterSockets> masters_;
  std::map<std::uint64_t, Memory> memories_;  // By network namespace.
  std::optional<std::uint64_t> own_namespace_;
};

}  // namespace gunicorn_exporter
