// Sockets as /proc/PID/net/{tcp,tcp6,unix} show them, and what their numbers
// say about a connection. These files need no right and show the network
// namespace of the process.
//
// Pure functions, safe from any thread. Lines that are none are skipped.
// Sources: net/ipv4/tcp_ipv4.c, net/unix/af_unix.c, unix(7).
#pragma once

#include <sys/types.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gunicorn_exporter {

// What the last things that happened on an accepted connection tell.
enum class ConnectionState : std::uint8_t {
  kUnknown,   // A request may be in flight.
  kSilent,    // The client has sent nothing yet.
  kParked,    // The last request is answered: kept alive, not busy.
  kInFlight,  // Bytes came in, and no answer went out since.
  kTie,       // A receipt and a send in one tick of the kernel's clock.
};

// Of TCP sockets, and of unix ones in sock_diag's answers (net/tcp_states.h).
inline constexpr std::uint32_t kEstablished = 1;
inline constexpr std::uint32_t kSynSent = 2;
inline constexpr std::uint32_t kCloseWait = 8;
inline constexpr std::uint32_t kListen = 10;

struct SocketAddress {
  bool is_v6 = false;
  // Network order; the first four for IPv4.
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const SocketAddress&) const = default;
  bool IsAnyAddress() const;
};

// As the tables write it: "0100007F:1F90", or 32 digits before the colon.
std::optional<SocketAddress> ParseSocketAddress(std::string_view text);

// "127.0.0.1:8000", "[::]:8000"
std::string ToString(const SocketAddress& endpoint);

// When the last data came and went, and the last acknowledgement came, in
// milliseconds before the look; those of one tick of the kernel's clock (4 ms)
// are alike. A retransmission is a send.
struct DataTimes {
  std::uint32_t sent = 0;
  std::uint32_t received = 0;
  std::uint32_t acknowledged = 0;
};

struct TcpSocket {
  bool listening = false;       // Else opened, or half closed by the client.
  bool connecting = false;      // No answer to the connect(2) yet.
  bool closed_by_peer = false;  // CLOSE_WAIT
  SocketAddress local;
  uid_t uid = 0;
  std::uint64_t inode = 0;  // 0: not accepted yet.
  std::uint64_t queue = 0;  // Of a listening one: waiting to be accepted.
  ConnectionState exchange = ConnectionState::kUnknown;
  // Sent by the application, and not acknowledged by the client yet.
  bool has_unsent = false;

  // By sock_diag alone.
  std::optional<std::uint64_t> limit;   // Of a listening one.
  std::optional<std::uint64_t> cgroup;  // The v2 id of its maker's; see
                                        // collectors/process/read/cgroup_tree.h
  std::uint64_t received = 0;           // Bytes in all.
  std::uint64_t sent = 0;
  std::uint64_t sent_once = 0;  // Of these, without what was sent again.
  SocketAddress peer;
  std::uint8_t retransmits = 0;  // Of what is not acknowledged.
  std::optional<DataTimes> times;
};

// The listening and the connected sockets of the text, in its order.
//
// An answer that follows a request within 40 ms puts the connection into the
// kernel's "pingpong" mode, and a request that waits longer takes it out. So
// a connection in that mode is parked; one that received something and is not
// in it is in flight, or parked after an answer that took longer.
std::vector<TcpSocket> ParseTcpTable(std::string_view text);

struct UnixStream {
  bool listening = false;
  bool connected = false;
  std::uint64_t inode = 0;  // 0: not accepted yet.
  std::string path;         // Of the listener, on both; '@' for abstract ones.
};

// Stream sockets that have a path.
std::vector<UnixStream> ParseUnixTable(std::string_view text);

// The bytes that the application has not read, of a connection in that state:
// the kernel counts the client's FIN among them.
inline std::uint64_t UnreadBytes(std::uint64_t state, std::uint64_t queue) {
  return state == kCloseWait && queue > 0 ? queue - 1 : queue;
}

// "socket:[376021]" to its number.
std::optional<std::uint64_t> ParseSocketLink(std::string_view target);

}  // namespace gunicorn_exporter
