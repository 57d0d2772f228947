#include "collectors/process/read/sock_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace gunicorn_exporter {
namespace {

// The kernel fills at most 32 KiB at a time, or what is asked for.
constexpr std::size_t kBuffer = 131072;

template <typename T>
void Append(std::vector<std::uint8_t>& bytes, const T& value) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(T));
}

// `address` are idiag_src or idiag_dst, `port` the one with it.
SocketAddress ToAddress(const inet_diag_msg& message, const __be32* address,
                        __be16 port) {
  SocketAddress end;
  end.is_v6 = message.idiag_family == AF_INET6;
  std::memcpy(end.address.data(), address, end.is_v6 ? 16 : 4);
  end.port = ntohs(port);
  return end;
}

SocketAddress LocalAddressOf(const inet_diag_msg& message) {
  return ToAddress(message, message.id.idiag_src, message.id.idiag_sport);
}

TcpSocket ToSocket(const inet_diag_msg& message) {
  TcpSocket socket;
  socket.listening = message.idiag_state == kListen;
  socket.local = LocalAddressOf(message);
  socket.uid = message.idiag_uid;
  socket.inode = message.idiag_inode;
  socket.peer =
      ToAddress(message, message.id.idiag_dst, message.id.idiag_dport);
  socket.connecting = message.idiag_state == kSynSent;
  socket.closed_by_peer = message.idiag_state == kCloseWait;
  socket.retransmits = message.idiag_retrans;
  if (socket.listening) {
    socket.queue = message.idiag_rqueue;
    socket.limit = message.idiag_wqueue;
  } else {
    socket.has_unsent = message.idiag_wqueue > 0;
    if (UnreadBytes(message.idiag_state, message.idiag_rqueue) > 0) {
      socket.exchange = ConnectionState::kInFlight;
    }
  }
  return socket;
}

template <typename T>
std::optional<T> ReadValue(const std::uint8_t* bytes, std::size_t length) {
  T value{};
  if (length < sizeof value) return std::nullopt;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Calls `take` with each attribute's type and bytes.
template <typename Take>
void ForEachAttribute(const std::uint8_t* begin, std::size_t size, Take take) {
  while (size >= sizeof(rtattr)) {
    rtattr attribute{};
    std::memcpy(&attribute, begin, sizeof attribute);
    if (attribute.rta_len < sizeof(rtattr) || attribute.rta_len > size) return;
    take(attribute.rta_type, begin + sizeof(rtattr),
         attribute.rta_len - sizeof(rtattr));
    const std::size_t step =
        std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), size);
    begin += step;
    size -= step;
  }
}

}  // namespace

ConnectionState ToConnectionState(const tcp_info& info) {
  if (info.tcpi_bytes_received == 0) return ConnectionState::kSilent;
  if (info.tcpi_bytes_sent == 0) return ConnectionState::kInFlight;
  if (info.tcpi_last_data_recv < info.tcpi_last_data_sent) {
    return ConnectionState::kInFlight;
  }
  if (info.tcpi_last_data_recv > info.tcpi_last_data_sent ||
      info.tcpi_data_segs_in <= 1) {
    return ConnectionState::kParked;
  }
  return ConnectionState::kTie;
}

bool SockDiag::Open() {
  if (!fd_ && !foreign_) {
    fd_ = FileDescriptor(
        socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  }
  if (buffer_.empty()) buffer_.resize(kBuffer);
  // The kernel answers at once; this only bounds what should not happen.
  const timeval timeout{1, 0};
  return fd_ && setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout,
                           sizeof timeout) == 0;
}

template <typename Take>
bool SockDiag::Ask(const std::vector<std::uint8_t>& request, Take take) {
  if (!Open()) return false;
  std::vector<std::uint8_t> message;
  nlmsghdr header{};
  header.nlmsg_len = static_cast<__u32>(sizeof header + request.size());
  header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  Append(message, header);
  message.insert(message.end(), request.begin(), request.end());
  if (send(fd_.get(), message.data(), message.size(), 0) < 0) return false;
  while (true) {
    const ssize_t count = recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      fd_ =
          FileDescriptor();  // What is left of this answer is none of the next.
      return false;
    }
    auto rest = static_cast<std::size_t>(count);
    const std::uint8_t* at = buffer_.data();
    while (rest >= sizeof(nlmsghdr)) {
      std::memcpy(&header, at, sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest) break;
      if (header.nlmsg_type == NLMSG_DONE) return true;
      if (header.nlmsg_type == NLMSG_ERROR) return false;
      take(at + NLMSG_HDRLEN, header.nlmsg_len - sizeof header);
      const std::size_t step =
          std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), rest);
      at += step;
      rest -= step;
    }
  }
}

bool SockDiag::AskTcp(std::uint8_t family, std::uint32_t states,
                      const SocketFilter& filter, const KeepSocket& keep,
                      std::vector<TcpSocket>& sockets) {
  inet_diag_req_v2 question{};
  question.sdiag_family = family;
  question.sdiag_protocol = IPPROTO_TCP;
  question.idiag_states = states;
  question.idiag_ext = 1U << (INET_DIAG_INFO - 1);
  std::vector<std::uint8_t> program;
  // One port is compared before anything else of a socket is looked at, which
  // takes a quarter off the time; more takes a program.
  if (filter.IsOneLocalPort()) {
    question.id.idiag_sport = htons(*filter.local_ports.begin());
  } else if (!filter.all) {
    program = ToProgram(filter);
  }
  std::vector<std::uint8_t> request;
  Append(request, question);
  if (!program.empty()) {
    rtattr attribute{};
    attribute.rta_type = INET_DIAG_REQ_BYTECODE;
    attribute.rta_len =
        static_cast<std::uint16_t>(sizeof attribute + program.size());
    Append(request, attribute);
    request.insert(request.end(), program.begin(), program.end());
  }
  return Ask(request, [&](const std::uint8_t* payload, std::size_t size) {
    const auto message = ReadValue<inet_diag_msg>(payload, size);
    if (!message) return;
    ++told_;
    TcpSocket socket = ToSocket(*message);
    ForEachAttribute(
        payload + sizeof *message, size - sizeof *message,
        [&](unsigned type, const std::uint8_t* bytes, std::size_t length) {
          if (type == INET_DIAG_CGROUP_ID) {
            socket.cgroup = ReadValue<std::uint64_t>(bytes, length);
          }
          // Kernels before 4.19 do not count sent bytes.
          if (type != INET_DIAG_INFO || socket.listening ||
              length < offsetof(tcp_info, tcpi_bytes_retrans) +
                           sizeof(tcp_info::tcpi_bytes_retrans)) {
            return;
          }
          tcp_info info{};
          std::memcpy(&info, bytes, std::min(length, sizeof info));
          if (socket.exchange != ConnectionState::kInFlight) {
            socket.exchange = ToConnectionState(info);
          }
          socket.received = info.tcpi_bytes_received;
          socket.sent = info.tcpi_bytes_sent;
          socket.sent_once = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
          socket.times = {info.tcpi_last_data_sent, info.tcpi_last_data_recv,
                          info.tcpi_last_ack_recv};
        });
    if (!keep || keep(socket)) sockets.push_back(socket);
  });
}

std::optional<std::vector<TcpSocket>> SockDiag::Listeners() {
  std::vector<TcpSocket> sockets;
  const SocketFilter all{.all = true};
  if (!AskTcp(AF_INET, 1U << kListen, all, nullptr, sockets)) {
    return std::nullopt;
  }
  // May be switched off.
  AskTcp(AF_INET6, 1U << kListen, all, nullptr, sockets);
  return sockets;
}

std::optional<std::vector<TcpSocket>> SockDiag::Connections(
    const SocketFilter& ipv4, const SocketFilter& ipv6,
    const KeepSocket& keep) {
  constexpr std::uint32_t kStates =
      (1U << kEstablished) | (1U << kCloseWait) | (1U << kSynSent);
  std::vector<TcpSocket> sockets;
  told_ = 0;
  if (!ipv4.IsNothing() && !AskTcp(AF_INET, kStates, ipv4, keep, sockets)) {
    return std::nullopt;
  }
  // IPv6 may be switched off: an answer only where somebody accepts by it.
  if (!ipv6.IsNothing() && !AskTcp(AF_INET6, kStates, ipv6, keep, sockets) &&
      !ipv6.local_ports.empty()) {
    return std::nullopt;
  }
  return sockets;
}

std::optional<std::map<std::uint64_t, UnixListener>> SockDiag::UnixListeners() {
  unix_diag_req question{};
  question.sdiag_family = AF_UNIX;
  question.udiag_states = 1U << kListen;
  question.udiag_show = UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID;
  std::vector<std::uint8_t> request;
  Append(request, question);
  std::map<std::uint64_t, UnixListener> listeners;
  const bool answered =
      Ask(request, [&](const std::uint8_t* payload, std::size_t size) {
        const auto message = ReadValue<unix_diag_msg>(payload, size);
        if (!message) return;
        UnixListener& listener = listeners[message->udiag_ino];
        ForEachAttribute(
            payload + sizeof *message, size - sizeof *message,
            [&](unsigned type, const std::uint8_t* bytes, std::size_t length) {
              if (type == UNIX_DIAG_UID) {
                listener.uid = ReadValue<uid_t>(bytes, length);
              } else if (type == UNIX_DIAG_RQLEN) {
                const auto queue = ReadValue<unix_diag_rqlen>(bytes, length);
                if (!queue) return;
                listener.queue = queue->udiag_rqueue;
                listener.limit = queue->udiag_wqueue;
              }
            });
      });
  if (!answered) return std::nullopt;
  return listeners;
}

std::optional<std::vector<UdpSocket>> SockDiag::UdpSockets() {
  std::vector<UdpSocket> sockets;
  for (const int family : {AF_INET, AF_INET6}) {
    inet_diag_req_v2 question{};
    question.sdiag_family = static_cast<std::uint8_t>(family);
    question.sdiag_protocol = IPPROTO_UDP;
    question.idiag_states = ~0U;
    std::vector<std::uint8_t> request;
    Append(request, question);
    const bool answered = Ask(request, [&](const std::uint8_t* payload,
                                           std::size_t size) {
      const auto message = ReadValue<inet_diag_msg>(payload, size);
      if (!message) return;
      UdpSocket& socket = sockets.emplace_back();
      socket.local = Unmapped(LocalAddressOf(*message));
      socket.peer = Unmapped(
          ToAddress(*message, message->id.idiag_dst, message->id.idiag_dport));
      socket.uid = message->idiag_uid;
      socket.inode = message->idiag_inode;
      ForEachAttribute(
          payload + sizeof *message, size - sizeof *message,
          [&](unsigned type, const std::uint8_t* bytes, std::size_t length) {
            if (type == INET_DIAG_CGROUP_ID) {
              socket.cgroup = ReadValue<std::uint64_t>(bytes, length);
            }
          });
    });
    if (!answered && family == AF_INET) return std::nullopt;
  }
  return sockets;
}

}  // namespace gunicorn_exporter
