// UDP sockets and a network namespace's own addresses, from files below
// /proc/PID/net. Pure functions, safe from any thread; lines that are none are
// skipped. Sources: net/ipv4/udp.c, net/ipv4/fib_trie.c, net/ipv6/addrconf.c.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/process/read/socket_table.h"

namespace gunicorn_exporter {

struct UdpSocket {
  SocketAddress local;
  uid_t uid = 0;
  std::uint64_t inode = 0;
  // By sock_diag alone: the v2 id of its maker's cgroup.
  std::optional<std::uint64_t> cgroup;
  SocketAddress peer = {};  // Where it is connected to; port 0: nowhere.
};

// net/udp, net/udp6.
std::vector<UdpSocket> ParseUdpTable(std::string_view text);

// Is the address one of those that net/fib_trie calls local to a host?
//
//     |-- 10.1.2.3
//        /32 host LOCAL
bool HasLocalAddress(std::string_view fib_trie, const SocketAddress& address);

// The same of net/if_inet6: 32 digits, then the interface.
bool HasInterfaceAddress(std::string_view if_inet6,
                         const SocketAddress& address);

// An IPv4 address of an IPv6 socket is an IPv4 address.
SocketAddress Unmapped(SocketAddress address);

// The same of what the kernel tells of a packet's sender. Nothing
// for other families.
std::optional<SocketAddress> ToSocketAddress(const sockaddr_storage& address);

bool IsLoopback(const SocketAddress& address);

}  // namespace gunicorn_exporter
