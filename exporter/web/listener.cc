#include "exporter/web/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "config/base/config_error.h"
#include "config/base/error_text.h"

namespace gunicorn_exporter {
namespace {

constexpr int kBacklog = 512;

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

[[noreturn]] void ThrowCannotBind(const std::string& text,
                                  std::string_view why) {
  throw ConfigError("web.listen_address: cannot bind " + text + ": " +
                    std::string(why));
}

AddressList Resolve(const std::string& text, const Address& address) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(),
                  &hints, &found);
  if (error != 0) ThrowCannotBind(text, gai_strerror(error));
  return {found, &freeaddrinfo};
}

// A listening socket; on failure none, and errno says why.
FileDescriptor TryListen(const sockaddr* address, socklen_t size,
                         bool dual_stack) {
  FileDescriptor fd(socket(address->sa_family,
                           SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return {};
  const int on = 1;
  const int v6_only = dual_stack ? 0 : 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address->sa_family == AF_INET6 &&
      setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only,
                 sizeof(v6_only)) != 0) {
    return {};
  }
  if (bind(fd.get(), address, size) != 0 || listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    fd = FileDescriptor();
    errno = error;
  }
  return fd;
}

// "[::]" takes IPv4 too, as in Go and for StatsD.
bool IsEvery(const addrinfo& address) {
  return address.ai_family == AF_INET6 &&
         IN6_IS_ADDR_UNSPECIFIED(
             &reinterpret_cast<const sockaddr_in6*>(address.ai_addr)
                  ->sin6_addr);
}

FileDescriptor ListenEverywhere(std::uint16_t port) {
  sockaddr_in6 any6 = {};
  any6.sin6_family = AF_INET6;
  any6.sin6_addr = in6addr_any;
  any6.sin6_port = htons(port);
  FileDescriptor fd =
      TryListen(reinterpret_cast<sockaddr*>(&any6), sizeof(any6), true);
  if (fd.get() >= 0 || errno == EADDRINUSE || errno == EACCES) return fd;
  // A machine without IPv6.
  sockaddr_in any4 = {};
  any4.sin_family = AF_INET;
  any4.sin_addr.s_addr = htonl(INADDR_ANY);
  any4.sin_port = htons(port);
  return TryListen(reinterpret_cast<sockaddr*>(&any4), sizeof(any4), false);
}

FileDescriptor ListenOn(const std::string& text, const Address& address) {
  const AddressList list = Resolve(text, address);
  // A name with addresses of both families ("localhost"): IPv4, as Go does.
  const addrinfo* chosen = list.get();
  for (const addrinfo* entry = list.get(); entry != nullptr;
       entry = entry->ai_next) {
    if (entry->ai_family == AF_INET) {
      chosen = entry;
      break;
    }
  }
  return TryListen(chosen->ai_addr, chosen->ai_addrlen, IsEvery(*chosen));
}

std::uint16_t BoundPort(int fd) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  // The port stands at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

}  // namespace

Listener Listen(const std::string& text) {
  const std::optional<Address> address = ParseAddress(text);
  if (!address.has_value()) {
    throw ConfigError("web.listen_address: \"" + text +
                      "\" is not an address; write for example \":18125\", "
                      "\"127.0.0.1:18125\" or \"[::1]:18125\"");
  }
  Listener listener;
  listener.fd = address->host.empty() ? ListenEverywhere(address->port)
                                      : ListenOn(text, *address);
  if (listener.fd.get() < 0) ThrowCannotBind(text, ErrorText(errno));
  listener.address = *address;
  listener.address.port = BoundPort(listener.fd.get());
  return listener;
}

}  // namespace gunicorn_exporter
