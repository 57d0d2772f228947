// What do an app's processes wait for? The TCP connections that they opened
// themselves, by peer, and the requests on them that have no answer yet.
//
// Whose. Where an app's descriptors may be read, a connection is that of who
// holds it; else, what its cgroup, its user or its pod alone made is its own
// (sole_owners.h). Where nothing proves it, there is none. sock_diag alone
// tells enough: another network namespace has to be entered
// (network_namespace.h).
//
// Which. No connection that was accepted: its local port is one that somebody
// listens on, or did when it was first seen. None whose peer is a listener of
// the app itself, on this machine. No unix socket, and no child of a worker's.
//
// When it waits. A connection waits for its peer
// - while it connects: since the first look that saw it, and at least a second
//   for each time that the kernel has tried again. The kernel does not tell
//   when that began.
// - while something that was sent is not acknowledged, or not even sent; or
// - when the last data went out after the last came in. A retransmission is no
//   new data.
// The wait began with the last data that went out.
// Both in one tick of the kernel's clock (4 ms), which is how a transaction's
// next query follows the answer to the one before:
// - it waits where the peer has acknowledged something right after its own last
//   data, which nothing but later data makes it do;
// - else, a quarter of a second later, the kernel's pingpong mode tells
//   (socket_table.h): out of it, it does not wait; in it, it waits where who
//   holds it has a request in hand. Only an answer of several segments that
//   came in one tick with its question leaves that mode on; its connection
//   looks like a wait until the end of the request at hand.
//
// What a wait cannot tell:
// - who speaks last by design waits: BLPOP, a long poll, LISTEN over HTTP, and
//   whatever is never answered (a log shipper, acks=0). A subscriber whose
//   subscription was confirmed does not;
// - nor do those whose peer speaks first: a connection to a stopped MySQL is
//   open, and nothing was asked yet;
// - a client's chatter after the answer looks like a question: HTTP/2 window
//   updates and pings, AMQP heartbeats, TLS key updates and alerts;
// - of several questions that share a connection, the first answer ends the
//   wait of all.
//
// Costs. The kernel is asked once a look, for connections to the ports of known
// peers and for those of the cgroups, together with the accepted ones. It is
// asked for all where descriptors show a socket that no look has told of yet,
// and where a user or a pod is the proof; on a machine with many connections
// not in each look (NamespaceSockets::kSocketsASample), so that a new peer is
// seen that much later. Where ports and cgroups are more than a filter holds
// (SocketFilter::kMostConditions), it is asked for all in each look. A socket
// that was not connected yet when all was told is found when all is asked for
// again: after ten looks, ten times as many there.
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
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "collectors/process/process_view.h"
#include "collectors/process/sockets/listener_owners.h"
#include "collectors/process/sockets/namespace_sockets.h"
#include "collectors/process/sockets/sole_owners.h"
#include "collectors/process/sockets/worker_state.h"

namespace gunicorn_exporter {

enum class Wait : std::uint8_t {
  kNone,
  kWaits,
  kTie,  // A receipt and a send in one tick.
};

// What one look tells of a connection that was opened. Pure.
Wait ToWait(const TcpSocket& connection);

// Those with the most connections, and the rest as "other"; the order is that
// of waits, then of connections. Pure.
std::vector<Upstream> LargestPeers(std::vector<Upstream> peers);

// The same peer is one. Pure.
void AddPeers(std::vector<Upstream>& peers, std::vector<Upstream> more);

// Of one network namespace.
class Upstreams {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kMostPeers = 16;
  static constexpr std::string_view kOtherPeers = "other";

  // `sole_owners` must outlive this.
  explicit Upstreams(SoleOwners& sole_owners) : sole_owners_(sole_owners) {}

  // What to ask for, once the tenants' listeners are known.
  OpenedFilter Ask(const std::vector<Tenant>& tenants,
                   const std::vector<ListeningSocket>& listeners);

  // An app, at one look.
  struct Party {
    const Tenant* tenant;
    // Of each of its processes; null where descriptors do not tell.
    const std::map<ProcessKey, Descriptors>* held;
    // Those with a request in hand; nothing: who has one is not known.
    std::optional<std::set<ProcessKey>> busy;
    bool has_requests;  // Any of them.
  };

  // What a look has told, as NamespaceSockets does after its Connections().
  struct Told {
    const std::vector<ListeningSocket>& listeners;
    const std::vector<AcceptedConnection>& accepted;
    const std::vector<TcpSocket>& opened;
    std::size_t connections;  // In all.
    // NamespaceSockets::MayHaveSentLast.
    std::function<std::optional<bool>(std::uint64_t)> may_have_sent_last;
  };

  // All peers of each party.
  std::vector<std::vector<Upstream>> Count(const std::vector<Party>& parties,
                                           const Told& told, TimePoint now);

 private:
  enum class Verdict : std::uint8_t { kNone, kWaits, kMayWait };
  // A connection as a look saw it.
  struct Seen {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    TimePoint since;                 // When the last data went out.
    std::optional<Verdict> settled;  // Of a tie.
  };

  using Inodes = std::unordered_set<std::uint64_t>;
  // Inodes of what is no upstream.
  struct Known {
    Inodes refused;    // Accepted, or within the app.
    Inodes others;     // Held, and not told where all was: unix and the like.
    Inodes strangers;  // Held, and may be told yet.
  };

  bool IsOf(const Party& party, const Inodes& held, const TcpSocket& socket,
            std::optional<bool>& has_pod_alone);
  bool IsWithin(const Party& party, const Inodes& held, const TcpSocket& socket,
                const std::vector<ListeningSocket>& listeners);
  std::vector<Upstream> CountParty(const Party& party, const Inodes& held,
                                   const Told& told, TimePoint now);
  // After that.
  void Remember(const Inodes& held);
  // How long it has waited, in seconds.
  std::optional<double> WaitOf(const TcpSocket& socket, const Party& party,
                               const Told& told, TimePoint now);

  SoleOwners& sole_owners_;
  bool is_first_ = true;
  bool asks_all_ = false;         // This look, for its Count().
  std::size_t samples_left_ = 0;  // Until all may be asked for again.
  std::set<std::uint16_t> peer_ports_;
  bool has_ipv6_ = false;
  std::unordered_map<std::uint64_t, Seen> seen_;  // By inode.
  std::unordered_map<std::uint64_t, Seen> seen_before_;
  Known known_;  // By the last look, and by the one before.
  Known known_before_;
  std::size_t looks_until_again_ = 0;  // Until others are asked for again.
};

}  // namespace gunicorn_exporter
