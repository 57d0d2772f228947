// Names the gunicorn behind a StatsD datagram.
//
// By pid: the process itself, or an ancestor of it, is a known gunicorn. By UDP
// source: a socket bound to that address and port is in the descriptors of a
// known gunicorn (its master opens it before it forks, so all its processes
// share it); where descriptors may not be read, the socket's user is that of
// the processes of one app alone; else the address is one of a network
// namespace, not our own, in which a single app runs.
//
// A sender that is not found makes a scan, and is looked for once more.
//
// Thread rule: any thread, several at once.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "collectors/process/find/process_scanner.h"
#include "collectors/process/process_monitor.h"
#include "collectors/process/read/address_table.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/sender_lookup.h"

namespace gunicorn_exporter {

class SenderFinder : public SenderLookup {
 public:
  // `monitor` must outlive this.
  explicit SenderFinder(ProcessMonitor& monitor);

  std::optional<Sender> FindByPid(pid_t pid) override;
  std::optional<Sender> FindByUdpSource(
      const sockaddr_storage& source) override;
  std::uint64_t Generation() const override { return monitor_.Generation(); }

 private:
  using Processes = std::vector<TrackedProcess>;
  // These expect the lock to be held.
  bool IsGunicorns(pid_t pid);
  bool HasUnknownGunicorn();
  std::optional<Sender> FindKnownPid(pid_t pid);
  static std::optional<Sender> FindEnded(pid_t pid, const Processes& processes);
  std::optional<Sender> FindKnownSource(const SocketAddress& source);
  std::optional<Sender> FindSocket(const std::vector<UdpSocket>& sockets,
                                   const Processes& processes);
  std::optional<Sender> FindNeighbour(const Processes& processes);
  std::vector<UdpSocket> SocketsAt(pid_t pid, const SocketAddress& source);
  bool OwnsAddress(pid_t pid, const SocketAddress& source);

  ProcessMonitor& monitor_;
  std::mutex mutex_;
  ProcReader reader_;
  ProcessScanner scanner_;
  const std::optional<std::uint64_t> own_namespace_;
};

}  // namespace gunicorn_exporter
