// Asks the kernel for TCP sockets over NETLINK_SOCK_DIAG, in the network
// namespace that this process runs in, or in that of a socket which was made
// elsewhere (network_namespace.h). Needs no right, and tells more than
// /proc/net/tcp: a listener's limit, and when a connection last received and
// sent. The kernel filters (socket_filter.h), so that other connections cost
// little.
//
// What tells a parked connection from one whose request is in flight:
// - bytes came in and none went out: in flight; none came in: silent;
// - the last receipt is younger than the last send: in flight; older: parked;
// - both in one tick of the kernel's clock (4 ms): parked where one segment was
//   received in all, else a tie that the kernel's pingpong mode settles (see
//   socket_table.h).
// What remains wrong: a pipelined request that came before the answer to the
// one before it looks parked.
//
// It also tells everybody in which cgroup a socket was made
// (INET_DIAG_CGROUP_ID, Linux 5.9); an accepted socket has its listener's.
//
// Thread rule: one thread at a time. Sources: sock_diag(7), linux/inet_diag.h,
// linux/unix_diag.h, linux/tcp.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "collectors/process/read/address_table.h"
#include "collectors/process/read/socket_filter.h"
#include "collectors/process/read/socket_table.h"
#include "config/base/file_descriptor.h"

struct tcp_info;  // linux/tcp.h

namespace gunicorn_exporter {

// Pure.
ConnectionState ToConnectionState(const tcp_info& info);

using KeepSocket = std::function<bool(const TcpSocket&)>;

struct UnixListener {
  std::uint64_t queue = 0;
  std::uint64_t limit = 0;
  std::optional<uid_t> uid;  // Of its maker; Linux 5.3.
};

class SockDiag {
 public:
  // Of the network namespace of this process.
  SockDiag() = default;
  // Of the namespace that this socket was made in.
  explicit SockDiag(FileDescriptor socket)
      : fd_(std::move(socket)), foreign_(true) {}

  // False when the socket of a foreign namespace was lost.
  bool IsUsable() const { return fd_ || !foreign_; }

  // Listening sockets; nothing where the kernel does not answer.
  std::optional<std::vector<TcpSocket>> Listeners();

  // Connections that a filter lets through and that are kept: established,
  // closed by the peer, still waiting to be accepted (inode 0), or connecting.
  // Asked for each family alone, since the kernel goes through its whole table
  // for it.
  std::optional<std::vector<TcpSocket>> Connections(
      const SocketFilter& ipv4, const SocketFilter& ipv6,
      const KeepSocket& keep = nullptr);
  // How many sockets the kernel told for the last question, kept or not.
  std::size_t told() const { return told_; }

  // Listening unix sockets, by inode.
  std::optional<std::map<std::uint64_t, UnixListener>> UnixListeners();

  // All UDP sockets.
  std::optional<std::vector<UdpSocket>> UdpSockets();

 private:
  bool Open();
  // Sends one request and gives each answer's payload to `take`.
  template <typename Take>
  bool Ask(const std::vector<std::uint8_t>& request, Take take);
  bool AskTcp(std::uint8_t family, std::uint32_t states,
              const SocketFilter& filter, const KeepSocket& keep,
              std::vector<TcpSocket>& sockets);

  FileDescriptor fd_;
  bool foreign_ = false;
  std::size_t told_ = 0;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace gunicorn_exporter
