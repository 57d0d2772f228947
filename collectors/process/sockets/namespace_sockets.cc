#include "collectors/process/sockets/namespace_sockets.h"

#include <algorithm>
#include <iterator>

#include "collectors/process/read/network_namespace.h"

namespace gunicorn_exporter {
namespace {

// A delayed acknowledgement has been sent by then: pingpong mode is up to date.
constexpr std::uint32_t kSettledMilliseconds = 100;

}  // namespace

void NamespaceSockets::Enter() {
  if (sock_diag_ && !sock_diag_->IsUsable()) {
    sock_diag_.reset();
    entering_samples_left_ = 0;
  }
  if (!own_ || sock_diag_ || entering_samples_left_-- > 0) return;
  entering_samples_left_ = kRememberSamples;
  if (number_ == own_) {
    sock_diag_.emplace();
  } else if (FileDescriptor fd = OpenSockDiagIn(reader_, pid_, number_)) {
    sock_diag_.emplace(std::move(fd));
  }
}

std::vector<TcpSocket> NamespaceSockets::ReadTcpTables() {
  std::vector<TcpSocket> all;
  for (const char* file : {"net/tcp", "net/tcp6"}) {
    reader_.ReadLines(pid_, file, [&](std::string_view lines) {
      const std::vector<TcpSocket> sockets = ParseTcpTable(lines);
      all.insert(all.end(), sockets.begin(), sockets.end());
    });
  }
  return all;
}

std::vector<ListeningSocket> NamespaceSockets::Listeners(pid_t pid) {
  pid_ = pid;
  table_.reset();
  unix_sockets_.clear();
  listening_ports_.clear();
  opened_.clear();
  exchanges_.reset();
  if (table_samples_left_ > 0) --table_samples_left_;
  Enter();
  auto found = sock_diag_ ? sock_diag_->Listeners() : std::nullopt;
  if (!found) found = table_ = ReadTcpTables();
  std::vector<ListeningSocket> listeners;
  for (const TcpSocket& socket : *found) {
    if (!socket.listening) continue;
    listening_ports_.insert(socket.local.port);
    listeners.push_back({{ToString(socket.local), socket.queue, socket.limit},
                         socket.local,
                         {},
                         socket.inode,
                         socket.uid,
                         socket.cgroup});
  }
  if (unix_samples_left_-- <= 0) {
    unix_samples_left_ = kRememberSamples;
    AddUnixListeners(listeners);
  }
  return listeners;
}

void NamespaceSockets::AddUnixListeners(
    std::vector<ListeningSocket>& listeners) {
  reader_.ReadLines(pid_, "net/unix", [&](std::string_view lines) {
    std::vector<UnixStream> sockets = ParseUnixTable(lines);
    std::move(sockets.begin(), sockets.end(),
              std::back_inserter(unix_sockets_));
  });
  std::map<std::string, std::uint64_t> queued;
  for (const UnixStream& socket : unix_sockets_) {
    if (socket.connected && socket.inode == 0) ++queued[socket.path];
  }
  const auto told = sock_diag_ ? sock_diag_->UnixListeners() : std::nullopt;
  for (const UnixStream& socket : unix_sockets_) {
    if (!socket.listening) continue;
    ListeningSocket& listener = listeners.emplace_back();
    // Of two on one path only one counts what waits: net/unix names the path
    // alone.
    listener.queue = {
        "unix:" + socket.path, std::exchange(queued[socket.path], 0), {}};
    listener.path = socket.path;
    listener.inode = socket.inode;
    if (!told || !told->contains(socket.inode)) continue;
    const UnixListener& more = told->at(socket.inode);
    listener.queue.length = more.queue;
    listener.queue.limit = more.limit;
    listener.user = more.uid;
  }
}

std::vector<AcceptedConnection> NamespaceSockets::Connections(
    const std::vector<const ListeningSocket*>& listeners,
    const OpenedFilter& opened) {
  std::set<std::uint16_t> ipv4_ports;
  std::set<std::uint16_t> ipv6_ports;
  std::set<std::string_view> paths;
  for (const ListeningSocket* listener : listeners) {
    if (listener->endpoint.port == 0) {
      paths.insert(listener->path);
    } else {
      (listener->endpoint.is_v6 ? ipv6_ports : ipv4_ports)
          .insert(listener->endpoint.port);
    }
  }
  const auto is_accepted = [&](const TcpSocket& socket) {
    return (socket.local.is_v6 ? ipv6_ports : ipv4_ports)
        .contains(socket.local.port);
  };
  std::vector<TcpSocket> tcp;
  auto told =
      table_ ? std::nullopt
             : sock_diag_->Connections(
                   {ipv4_ports, opened.peer_ports, opened.cgroups, opened.all},
                   opened.with_ipv6 || opened.all
                       ? SocketFilter{ipv6_ports, opened.peer_ports,
                                      opened.cgroups, opened.all}
                       : SocketFilter{ipv6_ports},
                   [&](const TcpSocket& socket) {
                     return is_accepted(socket) ||
                            !listening_ports_.contains(socket.local.port);
                   });
  if (told) {
    const auto first_opened =
        std::partition(told->begin(), told->end(), is_accepted);
    opened_.assign(first_opened, told->end());
    told->erase(first_opened, told->end());
    tcp = *std::move(told);
    SettleTies(tcp);
  } else {
    tcp = table_ ? *std::move(table_) : ReadTcpTables();
  }
  std::vector<AcceptedConnection> connections;
  for (const TcpSocket& socket : tcp) {
    if (!socket.listening && socket.inode != 0 && is_accepted(socket)) {
      connections.push_back({socket, {}});
    }
  }
  for (const UnixStream& socket : unix_sockets_) {
    if (socket.listening || !socket.connected || socket.inode == 0 ||
        !paths.contains(socket.path)) {
      continue;
    }
    AcceptedConnection& connection = connections.emplace_back();
    connection.tcp.inode = socket.inode;
    connection.path = socket.path;
  }
  return connections;
}

void NamespaceSockets::SettleTies(std::vector<TcpSocket>& sockets) {
  std::map<std::uint64_t, std::pair<std::uint64_t, ConnectionState>> settled;
  for (TcpSocket& socket : sockets) {
    if (socket.exchange != ConnectionState::kTie ||
        socket.times->received < kSettledMilliseconds) {
      continue;
    }
    const std::uint64_t bytes = socket.received + socket.sent;
    const auto known = settled_.find(socket.inode);
    if (known != settled_.end() && known->second.first == bytes) {
      socket.exchange = known->second.second;
    } else {
      if (!exchanges_ && table_samples_left_ > 0) continue;
      const auto& table = ReadExchanges();
      const auto row = table.find(socket.inode);
      if (row == table.end()) continue;
      socket.exchange = row->second == ConnectionState::kParked
                            ? ConnectionState::kParked
                            : ConnectionState::kInFlight;
    }
    settled[socket.inode] = {bytes, socket.exchange};
  }
  settled_ = std::move(settled);
}

const std::map<std::uint64_t, ConnectionState>&
NamespaceSockets::ReadExchanges() {
  if (exchanges_) return *exchanges_;
  exchanges_.emplace();
  for (const TcpSocket& row : ReadTcpTables()) {
    (*exchanges_)[row.inode] = row.exchange;
  }
  table_samples_left_ = exchanges_->size() / kSocketsASample;
  return *exchanges_;
}

std::optional<bool> NamespaceSockets::MayHaveSentLast(std::uint64_t inode) {
  if (!exchanges_ && table_samples_left_ > 0) return std::nullopt;
  const auto& table = ReadExchanges();
  const auto row = table.find(inode);
  if (row == table.end()) return std::nullopt;
  return row->second == ConnectionState::kParked;
}

}  // namespace gunicorn_exporter
