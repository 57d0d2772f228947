// Which sockets sock_diag is to tell, as a program that the kernel runs on each
// of them: a socket costs a tenth of its answer where it is left out.
//
// Pure function, safe from any thread. Source: linux/inet_diag.h,
// inet_diag_bc_run() in net/ipv4/inet_diag.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace gunicorn_exporter {

// Lets through what one of these fits.
struct SocketFilter {
  // The kernel checks a program in quadratic time.
  static constexpr std::size_t kMostConditions = 512;

  std::set<std::uint16_t> local_ports = {};
  std::set<std::uint16_t> peer_ports = {};
  // Ids of the v2 cgroups that sockets were made in. Linux 5.9, which is where
  // a socket has told one.
  std::set<std::uint64_t> cgroups = {};
  bool all = false;

  bool IsOneLocalPort() const {
    return !all && local_ports.size() == 1 && peer_ports.empty() &&
           cgroups.empty();
  }
  bool IsNothing() const {
    return !all && local_ports.empty() && peer_ports.empty() && cgroups.empty();
  }
};

// For INET_DIAG_REQ_BYTECODE. Not of `all`, nor of nothing.
std::vector<std::uint8_t> ToProgram(const SocketFilter& filter);

}  // namespace gunicorn_exporter
