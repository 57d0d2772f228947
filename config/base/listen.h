// Sockets bound to an address of this machine: one rule for StatsD and for the
// web. What cannot work throws ConfigError that begins with the setting:
//
//     statsd.listen_udp: cannot bind 127.0.0.1:8125: Address already in use
#pragma once

#include <netdb.h>

#include <memory>
#include <string>
#include <vector>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

// How many may wait to be accepted.
inline constexpr int kPendingConnections = 1024;

enum class InternetSocket { kUdp, kTcp };

// Bound (and, for TCP, listening) and non-blocking; at least one.
//
// A host name that has IPv4 and IPv6 addresses is bound on both, IPv4 first: a
// client may take either. One that this machine does not have is left out where
// there is the other. Port 0 is the same free port for both. An empty host, and
// "::", mean every address: one socket for IPv4 and IPv6.
std::vector<FileDescriptor> BindInternet(InternetSocket kind,
                                         const std::string& address,
                                         const std::string& setting);

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeAddresses>;

// What "HOST:PORT" stands for, in the system's order. `passive`: to bind, where
// the host may be empty and the port 0. May wait for a name server.
AddressList Resolve(InternetSocket kind, const std::string& address,
                    bool passive, const std::string& setting);

}  // namespace gunicorn_exporter
