#include "config/base/listen.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "config/base/address.h"
#include "config/base/config_error.h"
#include "config/base/error_text.h"

namespace gunicorn_exporter {
namespace {

bool IsEveryAddress(const addrinfo& address) {
  return address.ai_family == AF_INET6 &&
         IN6_IS_ADDR_UNSPECIFIED(
             &reinterpret_cast<const sockaddr_in6*>(address.ai_addr)
                  ->sin6_addr);
}

// 0, and the socket; else the error of the step that failed.
int TryBind(const addrinfo& address, FileDescriptor& bound) {
  FileDescriptor socket(::socket(
      address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
      address.ai_protocol));
  if (!socket) return errno;
  const auto set = [&](int level, int option, int value) {
    return setsockopt(socket.get(), level, option, &value, sizeof(value)) == 0;
  };
  const bool is_tcp = address.ai_socktype == SOCK_STREAM;
  if ((is_tcp && !set(SOL_SOCKET, SO_REUSEADDR, 1)) ||
      (address.ai_family == AF_INET6 &&
       !set(IPPROTO_IPV6, IPV6_V6ONLY, IsEveryAddress(address) ? 0 : 1)) ||
      bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0 ||
      (is_tcp && listen(socket.get(), kPendingConnections) != 0)) {
    return errno;
  }
  bound = std::move(socket);
  return 0;
}

// Adds the first of the family's addresses that this machine has. 0 where it
// has one, an error else.
int BindFamily(const AddressList& list, int family,
               std::vector<FileDescriptor>& sockets) {
  int error = EADDRNOTAVAIL;
  for (addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    if (one->ai_family != family) continue;
    if (!sockets.empty()) {
      // The port stands at the same place in both families.
      reinterpret_cast<sockaddr_in*>(one->ai_addr)->sin_port =
          htons(LocalPort(sockets.front()));
    }
    FileDescriptor socket;
    error = TryBind(*one, socket);
    if (error == 0) sockets.push_back(std::move(socket));
    if (error != EADDRNOTAVAIL && error != EAFNOSUPPORT) break;
  }
  return error;
}

}  // namespace

std::vector<FileDescriptor> BindInternet(InternetSocket kind,
                                         const std::string& address,
                                         const std::string& setting) {
  const std::string refusal = setting + ": cannot bind " + address + ": ";
  // The port of the first socket may be taken for the second.
  int tries = address.ends_with(":0") ? 16 : 1;
  const bool everywhere = address.starts_with(':');
  while (true) {
    const AddressList list = Resolve(kind, address, true, setting);
    std::vector<FileDescriptor> sockets;
    int error = 0;
    for (const int family :
         {everywhere ? AF_INET6 : AF_INET, everywhere ? AF_INET : AF_INET6}) {
      error = BindFamily(list, family, sockets);
      if (error == 0 && everywhere) return sockets;
      if (error != 0 && error != EADDRNOTAVAIL && error != EAFNOSUPPORT) break;
    }
    const bool is_missing = error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
    if (!sockets.empty() && (error == 0 || is_missing)) return sockets;
    if (sockets.empty() || error != EADDRINUSE || --tries == 0) {
      throw ConfigError(refusal + ErrorText(error));
    }
  }
}

AddressList Resolve(InternetSocket kind, const std::string& text, bool passive,
                    const std::string& setting) {
  const std::optional<Address> address = ParseAddress(text);
  if (!address || (!passive && (address->host.empty() || address->port == 0))) {
    throw ConfigError(setting + ": \"" + text +
                      "\" is not an address; expected HOST:PORT");
  }
  addrinfo hints{};
  hints.ai_socktype = kind == InternetSocket::kUdp ? SOCK_DGRAM : SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
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

}  // namespace gunicorn_exporter
