// Names the gunicorns behind StatsD datagrams.
//
// By pid: the process itself, or an ancestor of it, is a known gunicorn. By UDP
// source: a socket bound to that address (or to any, where the address is one
// of its network namespace) and port is in the descriptors of a known gunicorn
// (its master opens it before it forks, so all its processes share it); where
// descriptors may not be read, the socket was made in a cgroup or by a user
// that is one app's alone (sole_owners.h); else the address is one of a network
// namespace, not our own, in which a single app runs.
//
// Serves one batch of questions: what it has read for one of them serves the
// next. Thread rule: one thread, that of the reader given in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "collectors/process/app_registry.h"
#include "collectors/process/find/process_scanner.h"
#include "collectors/process/read/address_table.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/process/sockets/sole_owners.h"
#include "collectors/sender_questions.h"

namespace gunicorn_exporter {

class SenderFinder {
 public:
  // All outlive this; `processes` are the gunicorns known.
  SenderFinder(ProcReader& reader, ProcessScanner& scanner,
               SoleOwners& sole_owners,
               const std::map<ProcessKey, TrackedProcess>& processes);

  // Nothing where the sender is no known gunicorn.
  std::optional<Sender> Find(const SenderAddress& sender);
  // Of one that was not found: may a scan make it known? A pid that is no
  // gunicorn's, nor a child's of one, is not worth a look at the whole table.
  bool MayBeNew(const SenderAddress& sender);
  // The apps that have a UDP socket connected to this port, and where to.
  std::map<AppId, SocketAddress> SendersTo(std::uint16_t port);

 private:
  struct Network {
    std::vector<const TrackedProcess*> processes;   // Masters first.
    std::optional<std::vector<UdpSocket>> sockets;  // Read when asked for.
  };

  std::optional<Sender> FindPid(pid_t pid);
  std::optional<Sender> FindEnded(pid_t pid) const;
  std::optional<Sender> FindUdp(const SocketAddress& source);
  std::optional<Sender> FindSocket(std::uint64_t number, Network& network,
                                   const SocketAddress& source);
  std::map<std::uint64_t, Network>& Networks();
  const std::vector<UdpSocket>& Sockets(std::uint64_t number, Network& network);
  // The sockets among a process's descriptors; nothing where it is denied.
  const std::optional<std::set<std::uint64_t>>& SocketsOf(pid_t pid);
  bool OwnsAddress(pid_t pid, const SocketAddress& source);

  ProcReader& reader_;
  ProcessScanner& scanner_;
  SoleOwners& sole_owners_;
  const std::map<ProcessKey, TrackedProcess>& processes_;
  std::optional<std::map<std::uint64_t, Network>> networks_;  // By namespace.
  std::map<pid_t, std::optional<std::set<std::uint64_t>>> sockets_of_;
};

}  // namespace gunicorn_exporter
