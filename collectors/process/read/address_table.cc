#include "collectors/process/read/address_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "collectors/process/read/proc_parse.h"
#include "collectors/process/read/text_fields.h"

namespace gunicorn_exporter {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0,    0,
                                                        0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

SocketAddress Unmapped(SocketAddress endpoint) {
  if (!endpoint.is_v6 || !std::equal(kMappedPrefix.begin(), kMappedPrefix.end(),
                                     endpoint.address.begin())) {
    return endpoint;
  }
  SocketAddress v4;
  v4.port = endpoint.port;
  std::copy(endpoint.address.begin() + 12, endpoint.address.end(),
            v4.address.begin());
  return v4;
}

std::vector<UdpSocket> ParseUdpTable(std::string_view text) {
  std::vector<UdpSocket> sockets;
  while (!text.empty()) {
    //   12: 0100007F:9C40 0100007F:1FBD 01 00000000:00000000 00:00000000
    //   00000000 0 0 376021 2 00000000 0
    std::string_view line = NextLine(text);
    NextField(line);
    const auto local = ParseSocketAddress(NextField(line));
    const auto peer = ParseSocketAddress(NextField(line));
    for (int skipped = 0; skipped < 4; ++skipped) NextField(line);
    const auto uid = ParseDecimal(NextField(line));
    NextField(line);
    const auto inode = ParseDecimal(NextField(line));
    if (!local || !peer || !uid || !inode) continue;
    sockets.push_back({Unmapped(*local),
                       static_cast<uid_t>(*uid),
                       *inode,
                       {},
                       Unmapped(*peer)});
  }
  return sockets;
}

bool HasLocalAddress(std::string_view fib_trie, const SocketAddress& address) {
  if (address.is_v6) return false;
  std::array<char, INET_ADDRSTRLEN> wanted{};
  inet_ntop(AF_INET, address.address.data(), wanted.data(), wanted.size());
  bool is_address = false;
  while (!fib_trie.empty()) {
    std::string_view line = NextLine(fib_trie);
    const std::string_view first = NextField(line);
    if (first == "|--") {
      is_address = NextField(line) == wanted.data();
    } else if (is_address && first == "/32" && NextField(line) == "host" &&
               NextField(line) == "LOCAL") {
      return true;
    }
  }
  return false;
}

bool HasInterfaceAddress(std::string_view if_inet6,
                         const SocketAddress& address) {
  if (!address.is_v6) return false;
  std::string wanted;
  for (const std::uint8_t byte : address.address) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    wanted += kDigits[byte >> 4];
    wanted += kDigits[byte & 0xF];
  }
  while (!if_inet6.empty()) {
    std::string_view line = NextLine(if_inet6);
    if (NextField(line) == wanted) return true;
  }
  return false;
}

std::optional<SocketAddress> ToSocketAddress(const sockaddr_storage& address) {
  SocketAddress endpoint;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(endpoint.address.data(), &v4.sin_addr, sizeof v4.sin_addr);
    endpoint.port = ntohs(v4.sin_port);
    return endpoint;
  }
  if (address.ss_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  endpoint.is_v6 = true;
  std::memcpy(endpoint.address.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  endpoint.port = ntohs(v6.sin6_port);
  return Unmapped(endpoint);
}

bool IsLoopback(const SocketAddress& address) {
  if (!address.is_v6) return address.address[0] == 127;
  return address.address[15] == 1 &&
         std::all_of(address.address.begin(), address.address.end() - 1,
                     [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace gunicorn_exporter
