#include "collectors/statsd/receive/socket.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "config/base/address.h"
#include "config/base/config_error.h"
#include "config/base/error_text.h"

namespace gunicorn_exporter {
namespace {

constexpr int kPendingConnections = 1024;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeAddresses>;

AddressList Resolve(const std::string& text, int type, bool passive,
                    const std::string& setting) {
  const std::optional<Address> address = ParseAddress(text);
  if (!address || (!passive && (address->host.empty() || address->port == 0))) {
    throw ConfigError(setting + ": \"" + text +
                      "\" is not an address; expected HOST:PORT");
  }
  addrinfo hints{};
  hints.ai_socktype = type;
  hints.ai_flags = passive ? AI_PASSIVE : 0;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(address->host.empty() ? nullptr : address->host.c_str(),
                  std::to_string(address->port).c_str(), &hints, &found);
  if (error != 0) {
    throw ConfigError(setting + ": cannot resolve " + text + ": " +
                      gai_strerror(error));
  }
  return AddressList(found);
}

void SetOption(const FileDescriptor& socket, int level, int option, int value) {
  setsockopt(socket.get(), level, option, &value, sizeof(value));
}

// The error of the step that failed; 0: bound.
int TryBind(const addrinfo& address, FileDescriptor& socket) {
  socket = FileDescriptor(::socket(
      address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
      address.ai_protocol));
  if (!socket) return errno;
  if (address.ai_socktype == SOCK_STREAM) {
    SetOption(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  }
  if (address.ai_family == AF_INET6) {
    SetOption(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  if (bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0 ||
      (address.ai_socktype == SOCK_STREAM &&
       listen(socket.get(), kPendingConnections) != 0)) {
    return errno;
  }
  return 0;
}

std::string FormatInternet(const void* address, int family, in_port_t port) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (inet_ntop(family, address, host.data(), host.size()) == nullptr) {
    return "";
  }
  return FormatAddress({host.data(), ntohs(port)});
}

using AddressCall = int (*)(int, sockaddr*, socklen_t*);

std::string ReadAddress(const FileDescriptor& socket, AddressCall call) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (call(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return "";
  }
  if (storage.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof(address));
    return FormatInternet(&address.sin_addr, AF_INET, address.sin_port);
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, &storage, sizeof(address));
    return FormatInternet(&address.sin6_addr, AF_INET6, address.sin6_port);
  }
  if (storage.ss_family == AF_UNIX) {
    sockaddr_un address{};
    std::memcpy(&address, &storage, sizeof(address));
    return {address.sun_path,
            strnlen(address.sun_path, sizeof(address.sun_path))};
  }
  return "";
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

FileDescriptor BindInternet(InternetSocket kind, const std::string& address,
                            const std::string& setting) {
  const int type = kind == InternetSocket::kUdp ? SOCK_DGRAM : SOCK_STREAM;
  const AddressList list = Resolve(address, type, true, setting);
  // Every address: the IPv6 one takes IPv4 too, so it goes first.
  FileDescriptor socket;
  int error = EADDRNOTAVAIL;
  const bool everywhere = address.starts_with(':');
  for (const int family : {everywhere ? AF_INET6 : AF_UNSPEC, AF_UNSPEC}) {
    for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
      if (family != AF_UNSPEC && one->ai_family != family) continue;
      error = TryBind(*one, socket);
      if (error == 0) return socket;
      if (error == EADDRINUSE) break;
    }
    if (error == EADDRINUSE) break;
  }
  throw ConfigError(setting + ": cannot bind " + address + ": " +
                    ErrorText(error));
}

FileDescriptor ConnectUdp(const std::string& address,
                          const std::string& setting) {
  const AddressList list = Resolve(address, SOCK_DGRAM, false, setting);
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

std::string LocalAddress(const FileDescriptor& socket) {
  return ReadAddress(socket, getsockname);
}

std::string PeerAddress(const FileDescriptor& socket) {
  return ReadAddress(socket, getpeername);
}

std::uint16_t LocalPort(const FileDescriptor& socket) {
  const std::optional<Address> address = ParseAddress(LocalAddress(socket));
  return address ? address->port : std::uint16_t{0};
}

bool SendsTo(const FileDescriptor& sender, const FileDescriptor& receiver) {
  auto to = ParseAddress(PeerAddress(sender));
  const auto own = ParseAddress(LocalAddress(receiver));
  if (!to || !own || to->port != own->port) return false;
  if (to->host == own->host) return true;
  const bool is_ipv4 = to->host.find(':') == std::string::npos;
  if (own->host != "::" && (own->host != "0.0.0.0" || !is_ipv4)) return false;
  // It receives at every address of this machine: of those that can be bound.
  to->port = 0;
  FileDescriptor probe;
  return TryBind(*Resolve(FormatAddress(*to), SOCK_DGRAM, true, ""), probe) ==
         0;
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
