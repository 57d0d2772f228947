#include "collectors/statsd/receive/socket.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "config/base/address.h"
#include "config/base/config_error.h"
#include "config/base/error_text.h"

namespace gunicorn_exporter {
namespace {

void SetOption(const FileDescriptor& socket, int level, int option, int value) {
  setsockopt(socket.get(), level, option, &value, sizeof(value));
}

// As it was asked for: the kernel doubles it for its own overhead.
std::size_t ReceiveBuffer(const FileDescriptor& socket) {
  int bytes = 0;
  socklen_t size = sizeof(bytes);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, &size) != 0) {
    return 0;
  }
  return static_cast<std::size_t>(bytes) / 2;
}

// What the kernel would grant is tried on another socket: this one may have
// more than net.core.rmem_max, and would not get it back.
void RaiseReceiveBuffer(const FileDescriptor& socket) {
  constexpr auto kWanted = static_cast<int>(kWantedReceiveBuffer);
  const FileDescriptor trial(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SetOption(trial, SOL_SOCKET, SO_RCVBUF, kWanted);
  if (ReceiveBuffer(trial) <= ReceiveBuffer(socket)) return;
  SetOption(socket, SOL_SOCKET, SO_RCVBUF, kWanted);
}

}  // namespace

FileDescriptor ConnectUdp(const std::string& address,
                          const std::string& setting) {
  const AddressList list =
      Resolve(InternetSocket::kUdp, address, false, setting);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    FileDescriptor socket(
        ::socket(one->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket && connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) {
      return socket;
    }
    error = errno;
  }
  throw ConfigError(setting + ": cannot send to " + address + ": " +
                    ErrorText(error));
}

bool SendsTo(const FileDescriptor& sender, const std::string& receiver) {
  auto to = ParseAddress(PeerAddress(sender));
  const auto own = ParseAddress(receiver);
  if (!to || !own || to->port != own->port) return false;
  if (to->host == own->host) return true;
  const bool is_ipv4 = to->host.find(':') == std::string::npos;
  if (own->host != "::" && (own->host != "0.0.0.0" || !is_ipv4)) return false;
  // It receives at every address of this machine: of those that can be bound.
  to->port = 0;
  try {
    return !BindInternet(InternetSocket::kUdp, FormatAddress(*to), "").empty();
  } catch (const ConfigError&) {
    return false;
  }
}

std::size_t SetReceiveBuffer(const FileDescriptor& socket, std::size_t bytes) {
  if (bytes == 0) {
    RaiseReceiveBuffer(socket);
    return ReceiveBuffer(socket);
  }
  constexpr std::size_t kMostBytes = 1U << 30U;  // The kernel takes an int.
  const auto asked = static_cast<int>(std::min(bytes, kMostBytes));
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &asked,
                 sizeof(asked)) != 0) {
    SetOption(socket, SOL_SOCKET, SO_RCVBUF, asked);
  }
  return ReceiveBuffer(socket);
}

std::optional<ReceiveMemory> ReadReceiveMemory(const FileDescriptor& socket) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof(info);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_MEMINFO, info.data(), &size) !=
          0 ||
      size <= SK_MEMINFO_DROPS * sizeof(std::uint32_t)) {
    return std::nullopt;
  }
  return ReceiveMemory{info[SK_MEMINFO_RMEM_ALLOC], info[SK_MEMINFO_RCVBUF],
                       info[SK_MEMINFO_DROPS]};
}

}  // namespace gunicorn_exporter
