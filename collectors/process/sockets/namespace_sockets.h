// The sockets of one network namespace: who listens, which connections those
// listeners have accepted, and which ones were opened.
//
// By sock_diag in our own namespace, and in another one that may be entered
// (network_namespace.h); else by the tables below /proc/PID/net of a process in
// it, which tell less. A namespace's sock_diag socket keeps the namespace
// alive: drop this with the namespace's last gunicorn.
//
// Costs: the listeners and one question for connections, once a sample; without
// sock_diag, and where the times of a connection tie, the whole of net/tcp, the
// latter not at each sample on a machine with many; net/unix where it is
// wanted, else now and then.
//
// Thread rule: one thread at a time. What cannot be read is not there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collectors/process/process_view.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/process/read/sock_diag.h"
#include "collectors/process/read/socket_table.h"

namespace gunicorn_exporter {

struct ListeningSocket {
  ListenQueue queue;
  SocketAddress endpoint;  // Of a TCP one; its port is 0 otherwise.
  std::string path;        // Of a unix one; empty otherwise.
  std::uint64_t inode = 0;
  // Where they are told.
  std::optional<uid_t> user;            // Of its maker.
  std::optional<std::uint64_t> cgroup;  // The id of its maker's.
};

// A TCP or unix connection that was accepted. Of a unix one only `inode`,
// `path` and "a request may be in flight" are known.
struct AcceptedConnection {
  TcpSocket tcp;
  std::string path;
};

// Which opened connections are asked for, beside the accepted ones: with these
// ports or these cgroups of their own, or all.
struct OpenedFilter {
  std::set<std::uint16_t> peer_ports = {};
  std::set<std::uint64_t> cgroups = {};
  bool with_ipv6 = false;
  bool all = false;
};

class NamespaceSockets {
 public:
  // What is too dear for each sample rests for one sample for each so many
  // sockets that the kernel had to tell: that is half a percent of a second.
  static constexpr std::size_t kSocketsASample = 3000;

  // How many samples net/unix is left alone for, where nobody wants it, and a
  // namespace that could not be entered.
  static constexpr int kRememberSamples = 10;

  // `number` is what ProcReader::NetworkNamespace calls it, `own` what it calls
  // our own: nothing in a tree that only looks like /proc, where sock_diag
  // would tell of the real machine. `reader` must outlive this.
  NamespaceSockets(ProcReader& reader, std::uint64_t number,
                   std::optional<std::uint64_t> own)
      : reader_(reader), number_(number), own_(own) {}

  // A new look. `pid` is a process in the namespace.
  std::vector<ListeningSocket> Listeners(pid_t pid);

  // After Listeners(), of the same look: what these have accepted, by port or
  // path. Whose it is may need more.
  std::vector<AcceptedConnection> Connections(
      const std::vector<const ListeningSocket*>& listeners,
      const OpenedFilter& opened = {});

  // After Connections(), by sock_diag alone: those of them that nobody accepted
  // (no socket here listens on their local port), and a few more; those of
  // other programs, too.
  const std::vector<TcpSocket>& Opened() const { return opened_; }
  // How many connections the kernel told for it.
  std::size_t told() const { return sock_diag_ ? sock_diag_->told() : 0; }

  // Of this look: whether the kernel's "pingpong" mode says that the last send
  // may have followed the last receipt (socket_table.h). Reads net/tcp, which
  // takes its time where that is long; nothing where it was read lately.
  std::optional<bool> MayHaveSentLast(std::uint64_t inode);

  // Reads net/unix at the next look.
  void WantUnix() { unix_samples_left_ = 0; }

 private:
  void Enter();
  std::vector<TcpSocket> ReadTcpTables();
  void AddUnixListeners(std::vector<ListeningSocket>& listeners);
  void SettleTies(std::vector<TcpSocket>& sockets);
  const std::map<std::uint64_t, ConnectionState>& ReadExchanges();

  ProcReader& reader_;
  const std::uint64_t number_;
  const std::optional<std::uint64_t> own_;
  int entering_samples_left_ = 0;  // Until it is tried again.
  std::optional<SockDiag> sock_diag_;
  int unix_samples_left_ = 0;
  std::size_t table_samples_left_ = 0;

  // Of this look.
  pid_t pid_ = 0;
  std::optional<std::vector<TcpSocket>> table_;  // Where sock_diag is not used.
  std::vector<UnixStream> unix_sockets_;
  std::set<std::uint16_t> listening_ports_;
  std::vector<TcpSocket> opened_;
  // By inode, what net/tcp says, where it was read for this.
  std::optional<std::map<std::uint64_t, ConnectionState>> exchanges_;

  // Ties that were settled, by inode, with the bytes at that time.
  std::map<std::uint64_t, std::pair<std::uint64_t, ConnectionState>> settled_;
};

}  // namespace gunicorn_exporter
