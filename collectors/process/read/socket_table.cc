#include "collectors/process/read/socket_table.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "collectors/process/read/proc_parse.h"
#include "collectors/process/read/text_fields.h"

namespace gunicorn_exporter {
namespace {

// ... 376115 1 0000000079f7a7e0 20 4 30 10 -1
//            ^ references, address, rto, ato, quick acks and pingpong
ConnectionState TellConnectionState(std::string_view rest,
                                    std::uint64_t unread) {
  for (int skipped = 0; skipped < 3; ++skipped) NextField(rest);
  const auto ato = ParseDecimal(NextField(rest));
  const auto acks = ParseDecimal(NextField(rest));
  if (!ato || !acks) return ConnectionState::kUnknown;
  if (unread > 0) return ConnectionState::kInFlight;
  if (*ato == 0) return ConnectionState::kSilent;
  return (*acks & 1) != 0 ? ConnectionState::kParked
                          : ConnectionState::kUnknown;
}

std::optional<TcpSocket> ParseTcpLine(std::string_view line) {
  NextField(line);  // The line's number.
  TcpSocket socket;
  const auto local = ParseSocketAddress(NextField(line));
  NextField(line);
  const auto state = ParseHex(NextField(line));
  const std::string_view queues = NextField(line);
  if (!local || !state || queues.size() < 17) return std::nullopt;
  if (*state != kEstablished && *state != kCloseWait && *state != kListen) {
    return std::nullopt;
  }
  const auto unsent = ParseHex(queues.substr(0, 8));
  const auto received = ParseHex(queues.substr(9));
  NextField(line);
  NextField(line);
  const auto uid = ParseDecimal(NextField(line));
  NextField(line);
  const auto inode = ParseDecimal(NextField(line));
  if (!unsent || !received || !uid || !inode) return std::nullopt;
  socket.listening = *state == kListen;
  socket.local = *local;
  socket.uid = static_cast<uid_t>(*uid);
  socket.inode = *inode;
  if (socket.listening) {
    socket.queue = *received;
  } else {
    socket.has_unsent = *unsent > 0;
    socket.exchange = TellConnectionState(line, UnreadBytes(*state, *received));
  }
  return socket;
}

}  // namespace

// Words of 32 bits, each printed as the machine's own number.
std::optional<SocketAddress> ParseSocketAddress(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  SocketAddress endpoint;
  endpoint.is_v6 = colon == 32;
  for (std::size_t i = 0; i < colon / 8; ++i) {
    const auto word = ParseHex(text.substr(i * 8, 8));
    if (!word) return std::nullopt;
    const auto raw = static_cast<std::uint32_t>(*word);
    std::memcpy(endpoint.address.data() + i * 4, &raw, sizeof raw);
  }
  const auto port = ParseHex(text.substr(colon + 1));
  if (!port || *port > 0xFFFF) return std::nullopt;
  endpoint.port = static_cast<std::uint16_t>(*port);
  return endpoint;
}

bool SocketAddress::IsAnyAddress() const {
  return std::all_of(address.begin(), address.end(),
                     [](std::uint8_t byte) { return byte == 0; });
}

std::string ToString(const SocketAddress& endpoint) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(endpoint.is_v6 ? AF_INET6 : AF_INET, endpoint.address.data(),
            text.data(), text.size());
  const std::string host = text.data();
  return (endpoint.is_v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port);
}

std::vector<TcpSocket> ParseTcpTable(std::string_view text) {
  std::vector<TcpSocket> sockets;
  while (!text.empty()) {
    if (auto socket = ParseTcpLine(NextLine(text))) {
      sockets.push_back(*socket);
    }
  }
  return sockets;
}

std::vector<UnixStream> ParseUnixTable(std::string_view text) {
  constexpr std::uint64_t kStream = 1;
  constexpr std::uint64_t kAccepting = 0x10000;
  constexpr std::uint64_t kConnecting = 2;  // Of a queued one.
  constexpr std::uint64_t kConnected = 3;
  std::vector<UnixStream> sockets;
  while (!text.empty()) {
    // 00000000d1: 00000002 00000000 00010000 0001 01 376021 /run/my_app.sock
    std::string_view line = NextLine(text);
    for (int skipped = 0; skipped < 3; ++skipped) NextField(line);
    const auto flags = ParseHex(NextField(line));
    const auto type = ParseHex(NextField(line));
    const auto state = ParseHex(NextField(line));
    const auto inode = ParseDecimal(NextField(line));
    if (!flags || !type || !state || !inode || *type != kStream ||
        line.size() < 2) {
      continue;
    }
    UnixStream socket;
    socket.listening = (*flags & kAccepting) != 0;
    socket.connected = *state == kConnected || *state == kConnecting;
    socket.inode = *inode;
    socket.path = std::string(line.substr(1));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

std::optional<std::uint64_t> ParseSocketLink(std::string_view target) {
  constexpr std::string_view kPrefix = "socket:[";
  if (!target.starts_with(kPrefix) || !target.ends_with(']')) {
    return std::nullopt;
  }
  target.remove_prefix(kPrefix.size());
  target.remove_suffix(1);
  return ParseDecimal(target);
}

}  // namespace gunicorn_exporter
