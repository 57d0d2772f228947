#include "collectors/process/sockets/upstreams.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "collectors/process/read/address_table.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

// No acknowledgement is delayed for longer, and no keep-alive probe sent
// earlier.
constexpr std::uint32_t kLongestAcknowledgement = 500;
// Pingpong mode is up to date by then.
constexpr std::uint32_t kPingpongMilliseconds = 250;
constexpr std::size_t kLooksUntilAskedAgain = 10;

bool IsOnThisMachine(const TcpSocket& socket) {
  return IsLoopback(Unmapped(socket.peer)) ||
         socket.peer.address == socket.local.address;
}

// Whether a connection to `peer` may come in by that listener.
bool Accepts(const ListeningSocket& listener, const SocketAddress& peer) {
  return listener.path.empty() && listener.endpoint.port == peer.port &&
         (listener.endpoint.IsAnyAddress() ||
          Unmapped(listener.endpoint) == Unmapped(peer));
}

void Add(Upstream& sum, const Upstream& more) {
  sum.connections += more.connections;
  sum.waits += more.waits;
  sum.oldest_wait_seconds =
      std::max(sum.oldest_wait_seconds, more.oldest_wait_seconds);
}

}  // namespace

Wait ToWait(const TcpSocket& connection) {
  if (connection.connecting) return Wait::kWaits;
  if (connection.closed_by_peer || !connection.times) return Wait::kNone;
  if (connection.has_unsent) return Wait::kWaits;
  if (connection.sent == 0) return Wait::kNone;
  if (connection.received == 0) return Wait::kWaits;
  const DataTimes& times = *connection.times;
  if (times.sent != times.received) {
    return times.sent < times.received ? Wait::kWaits : Wait::kNone;
  }
  return times.acknowledged < times.received &&
                 times.received - times.acknowledged <= kLongestAcknowledgement
             ? Wait::kWaits
             : Wait::kTie;
}

std::vector<Upstream> LargestPeers(std::vector<Upstream> peers) {
  const auto sort_by = [&](auto rank) {
    std::stable_sort(peers.begin(), peers.end(),
                     [&](const Upstream& left, const Upstream& right) {
                       return rank(left) > rank(right);
                     });
  };
  sort_by([](const Upstream& peer) { return peer.connections; });
  if (peers.size() > Upstreams::kMostPeers) {
    Upstream rest{std::string(Upstreams::kOtherPeers)};
    for (std::size_t i = Upstreams::kMostPeers; i < peers.size(); ++i) {
      Add(rest, peers[i]);
    }
    peers.resize(Upstreams::kMostPeers);
    peers.push_back(std::move(rest));
  }
  sort_by([](const Upstream& peer) { return peer.waits; });
  return peers;
}

void AddPeers(std::vector<Upstream>& peers, std::vector<Upstream> more) {
  for (Upstream& peer : more) {
    const auto known = std::find_if(
        peers.begin(), peers.end(),
        [&](const Upstream& one) { return one.peer == peer.peer; });
    if (known == peers.end()) {
      peers.push_back(std::move(peer));
    } else {
      Add(*known, peer);
    }
  }
}

OpenedFilter Upstreams::Ask(const std::vector<Tenant>& tenants,
                            const std::vector<ListeningSocket>& listeners) {
  OpenedFilter filter{peer_ports_, {}, has_ipv6_, false};
  const bool tells_cgroups =
      std::any_of(listeners.begin(), listeners.end(),
                  [](const ListeningSocket& one) { return one.cgroup; });
  bool wants_all = !known_.strangers.empty();
  for (const Tenant& tenant : tenants) {
    if (tenant.is_readable) {
      wants_all = wants_all || is_first_;
      continue;
    }
    const auto cgroups = tells_cgroups ? sole_owners_.CgroupsOf(tenant.app)
                                       : std::set<std::uint64_t>();
    filter.cgroups.insert(cgroups.begin(), cgroups.end());
    wants_all =
        wants_all || (cgroups.empty() &&
                      (tenant.user || sole_owners_.HasPodAlone(tenant.app)));
  }
  is_first_ = false;
  filter.with_ipv6 = filter.with_ipv6 || !filter.cgroups.empty();
  if (samples_left_ > 0) --samples_left_;
  filter.all = (wants_all && samples_left_ == 0) ||
               filter.peer_ports.size() + filter.cgroups.size() >
                   SocketFilter::kMostConditions;
  asks_all_ = filter.all;
  return filter;
}

bool Upstreams::IsOf(const Party& party, const Inodes& held,
                     const TcpSocket& socket,
                     std::optional<bool>& has_pod_alone) {
  if (party.held != nullptr) return held.contains(socket.inode);
  const AppId& app = party.tenant->app;
  if (socket.cgroup) {
    if (const auto owner = sole_owners_.OfCgroup(*socket.cgroup)) {
      return owner == app;
    }
  }
  if (party.tenant->user) return party.tenant->user == socket.uid;
  if (!has_pod_alone) has_pod_alone = sole_owners_.HasPodAlone(app);
  return *has_pod_alone;
}

bool Upstreams::IsWithin(const Party& party, const Inodes& held,
                         const TcpSocket& socket,
                         const std::vector<ListeningSocket>& listeners) {
  if (!IsOnThisMachine(socket)) return false;
  const auto& claimed = party.tenant->listeners;
  return std::any_of(
      listeners.begin(), listeners.end(), [&](const ListeningSocket& one) {
        return Accepts(one, socket.peer) &&
               (held.contains(one.inode) ||
                std::find(claimed.begin(), claimed.end(), &one) !=
                    claimed.end());
      });
}

std::optional<double> Upstreams::WaitOf(const TcpSocket& socket,
                                        const Party& party, const Told& told,
                                        TimePoint now) {
  const auto before = seen_before_.find(socket.inode);
  const bool is_same = before != seen_before_.end() &&
                       before->second.sent == socket.sent_once &&
                       before->second.received == socket.received;
  const milliseconds quiet =
      socket.connecting ? std::chrono::seconds(socket.retransmits)
                        : milliseconds(socket.times ? socket.times->sent : 0);
  Seen& seen = seen_[socket.inode];
  seen = {socket.sent_once, socket.received, now - quiet, std::nullopt};
  if (is_same) {
    seen.since = std::min(seen.since, before->second.since);
    seen.settled = before->second.settled;
  }
  const double seconds = duration<double>(now - seen.since).count();
  const Wait wait = ToWait(socket);
  if (wait != Wait::kTie) {
    // Keep-alive probes hide later what an acknowledgement tells now.
    if (wait == Wait::kWaits) seen.settled = Verdict::kWaits;
    return wait == Wait::kWaits ? std::optional(seconds) : std::nullopt;
  }
  if (!seen.settled && socket.times->sent >= kPingpongMilliseconds) {
    if (const auto may_wait = told.may_have_sent_last(socket.inode)) {
      seen.settled = *may_wait ? Verdict::kMayWait : Verdict::kNone;
    }
  }
  if (!seen.settled || seen.settled == Verdict::kNone) return std::nullopt;
  if (seen.settled == Verdict::kWaits) return seconds;
  const bool is_busy =
      party.held == nullptr || !party.busy
          ? party.has_requests
          : std::any_of(
                party.held->begin(), party.held->end(),
                [&](const auto& process) {
                  return process.second.sockets.inodes.contains(socket.inode) &&
                         party.busy->contains(process.first);
                });
  return is_busy ? std::optional(seconds) : std::nullopt;
}

std::vector<Upstream> Upstreams::CountParty(const Party& party,
                                            const Inodes& held,
                                            const Told& told, TimePoint now) {
  std::map<SocketAddress, Upstream> peers;
  std::optional<bool> has_pod_alone;
  for (const TcpSocket& socket : told.opened) {
    if (socket.inode == 0 || !IsOf(party, held, socket, has_pod_alone)) {
      continue;
    }
    if (known_before_.refused.contains(socket.inode) ||
        IsWithin(party, held, socket, told.listeners)) {
      known_.refused.insert(socket.inode);
      continue;
    }
    const SocketAddress address = Unmapped(socket.peer);
    Upstream& peer = peers[address];
    if (peer.connections++ == 0) peer.peer = ToString(address);
    peer_ports_.insert(address.port);
    has_ipv6_ = has_ipv6_ || socket.peer.is_v6;
    if (const auto seconds = WaitOf(socket, party, told, now)) {
      ++peer.waits;
      peer.oldest_wait_seconds = std::max(peer.oldest_wait_seconds, *seconds);
    }
  }
  std::vector<Upstream> counted;
  counted.reserve(peers.size());
  for (auto& [address, peer] : peers) counted.push_back(std::move(peer));
  return counted;
}

void Upstreams::Remember(const Inodes& held) {
  for (const std::uint64_t inode : held) {
    if (seen_.contains(inode) || known_.refused.contains(inode)) continue;
    if (known_before_.refused.contains(inode)) {
      known_.refused.insert(inode);
      // A stranger was there before all was told.
    } else if (known_before_.others.contains(inode) ||
               (asks_all_ && known_before_.strangers.contains(inode))) {
      known_.others.insert(inode);
    } else {
      known_.strangers.insert(inode);
    }
  }
}

std::vector<std::vector<Upstream>> Upstreams::Count(
    const std::vector<Party>& parties, const Told& told, TimePoint now) {
  seen_before_ = std::exchange(seen_, {});
  known_before_ = std::exchange(known_, {});
  if (looks_until_again_ == 0) {
    known_before_.others.clear();
  } else {
    --looks_until_again_;
  }
  for (const AcceptedConnection& connection : told.accepted) {
    known_.refused.insert(connection.tcp.inode);
  }
  if (asks_all_) {
    samples_left_ = told.connections / NamespaceSockets::kSocketsASample;
    looks_until_again_ = kLooksUntilAskedAgain * (1 + samples_left_);
    peer_ports_.clear();
    has_ipv6_ = false;
  }
  std::vector<std::vector<Upstream>> all;
  for (const Party& party : parties) {
    Inodes held;
    if (party.held != nullptr) {
      for (const auto& [key, process] : *party.held) {
        held.insert(process.sockets.inodes.begin(),
                    process.sockets.inodes.end());
      }
    }
    all.push_back(CountParty(party, held, told, now));
    Remember(held);
  }
  return all;
}

}  // namespace gunicorn_exporter
