// ConnectionSampler's second half: the accepted connections of a network
// namespace, and the doors that they came in by.
#include <algorithm>
#include <utility>

#include "collectors/process/sockets/connection_sampler.h"

namespace gunicorn_exporter {
namespace {

// A delayed acknowledgement has been sent by then: pingpong mode is up to date.
constexpr std::uint32_t kSettledMilliseconds = 100;

constexpr std::string_view kUnixPrefix = "unix:";

SocketAddress Wildcard(const SocketAddress& local) {
  SocketAddress any;
  any.is_v6 = local.is_v6;
  any.port = local.port;
  return any;
}

}  // namespace

std::vector<TcpSocket> ConnectionSampler::ReadTcpTables(
    const Namespace& space) {
  const pid_t pid = space.masters.front().process->gunicorn.process.key.pid;
  std::vector<TcpSocket> all;
  for (const char* file : {"net/tcp", "net/tcp6"}) {
    reader_.ReadLines(pid, file, [&](std::string_view lines) {
      const std::vector<TcpSocket> sockets = ParseTcpTable(lines);
      all.insert(all.end(), sockets.begin(), sockets.end());
    });
  }
  return all;
}

// A dual-stack listener's IPv4 clients are rows of IPv6 with a mapped address,
// those of a listener of IPv4 alone are not: the family tells the door.
void ConnectionSampler::FindDoors(Namespace& space) {
  std::map<const Door*, int> listeners;
  for (const Listener& listener : space.listeners) {
    Door& door = listener.is_tcp
                     ? space.doors[listener.endpoint]
                     : space.unix_doors[listener.queue.address.substr(
                           kUnixPrefix.size())];
    door.apps.insert(listener.apps.begin(), listener.apps.end());
    door.shared = door.shared || listener.apps.empty();
    const bool alone = ++listeners[&door] == 1;
    door.suspect = alone && listener.suspected ? &listener : nullptr;
  }
  const auto settle = [](auto& doors) {
    for (auto& [address, door] : doors) {
      door.shared = door.shared || door.apps.size() > 1;
    }
  };
  settle(space.doors);
  settle(space.unix_doors);
}

void ConnectionSampler::ReadTcpConnections(Namespace& space) {
  std::set<std::uint16_t> ipv4_ports;
  std::set<std::uint16_t> ipv6_ports;
  for (const auto& [address, door] : space.doors) {
    if (door.apps.empty() && door.suspect == nullptr) continue;
    (address.is_v6 ? ipv6_ports : ipv4_ports).insert(address.port);
  }
  if (space.by_sock_diag) {
    if (auto sockets =
            space.memory->sock_diag->Connections(ipv4_ports, ipv6_ports)) {
      space.tcp = *std::move(sockets);
      SettleTies(space, space.tcp);
    } else {
      space.tcp = ReadTcpTables(space);
    }
  }
  std::erase_if(space.tcp, [&](const TcpSocket& socket) {
    return socket.listening || socket.inode == 0 ||
           !(socket.local.is_v6 ? ipv6_ports : ipv4_ports)
                .contains(socket.local.port);
  });
}

std::vector<ConnectionSampler::Connection> ConnectionSampler::ReadConnections(
    Namespace& space) {
  std::vector<Connection> connections;
  ReadTcpConnections(space);
  for (const TcpSocket& socket : space.tcp) {
    Connection connection{socket.inode, socket.uid, socket.exchange, {}, {}};
    for (const SocketAddress& address :
         {socket.local, Wildcard(socket.local)}) {
      const auto door = space.doors.find(address);
      if (door == space.doors.end()) continue;
      (connection.door == nullptr ? connection.door : connection.other_door) =
          &door->second;
    }
    if (connection.door != nullptr) connections.push_back(connection);
  }
  for (const UnixStream& socket : space.unix_sockets) {
    if (socket.listening || !socket.connected || socket.inode == 0) continue;
    const auto door = space.unix_doors.find(socket.path);
    if (door == space.unix_doors.end()) continue;
    connections.push_back(
        {socket.inode, {}, ConnectionState::kUnknown, &door->second, {}});
  }
  return connections;
}

void ConnectionSampler::SettleTies(const Namespace& space,
                                   std::vector<TcpSocket>& sockets) {
  auto& known_ties = space.memory->settled;
  std::map<std::uint64_t, std::pair<std::uint64_t, ConnectionState>> settled;
  std::map<std::uint64_t, ConnectionState> table;
  bool table_read = false;
  for (TcpSocket& socket : sockets) {
    if (socket.exchange != ConnectionState::kTie ||
        socket.quiet_milliseconds < kSettledMilliseconds) {
      continue;
    }
    const auto known = known_ties.find(socket.inode);
    if (known != known_ties.end() && known->second.first == socket.bytes) {
      socket.exchange = known->second.second;
    } else {
      if (!table_read) {
        for (const TcpSocket& row : ReadTcpTables(space)) {
          table[row.inode] = row.exchange;
        }
        table_read = true;
      }
      const auto row = table.find(socket.inode);
      if (row == table.end()) continue;
      socket.exchange = row->second == ConnectionState::kParked
                            ? ConnectionState::kParked
                            : ConnectionState::kInFlight;
    }
    settled[socket.inode] = {socket.bytes, socket.exchange};
  }
  known_ties = std::move(settled);
}

}  // namespace gunicorn_exporter
