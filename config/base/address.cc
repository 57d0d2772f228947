#include "config/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

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
  return FormatAddress(storage);
}

}  // namespace

std::optional<Address> ParseAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);

  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
    if (host.empty()) return std::nullopt;
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // An IPv6 address without brackets: where does it
                          // end?
  }

  // To getaddrinfo(3) it is both families' every address, of which the second
  // finds the port taken.
  if (host == "*") return std::nullopt;

  const auto number = ParseNumber<std::uint16_t>(port);
  if (!number) return std::nullopt;
  return Address{std::string(host), *number};
}

std::string FormatAddress(const Address& address) {
  const std::string port = ":" + std::to_string(address.port);
  if (address.host.find(':') == std::string::npos) return address.host + port;
  return "[" + address.host + "]" + port;
}

std::string FormatAddress(const sockaddr_storage& storage) {
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

sockaddr_storage Unmapped(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET6) return address;
  sockaddr_in6 wide{};
  std::memcpy(&wide, &address, sizeof(wide));
  if (!IN6_IS_ADDR_V4MAPPED(&wide.sin6_addr)) return address;
  constexpr std::size_t kPrefixBytes = 12;
  sockaddr_in narrow{};
  narrow.sin_family = AF_INET;
  narrow.sin_port = wide.sin6_port;
  std::memcpy(&narrow.sin_addr, wide.sin6_addr.s6_addr + kPrefixBytes,
              sizeof(narrow.sin_addr));
  sockaddr_storage unmapped{};
  std::memcpy(&unmapped, &narrow, sizeof(narrow));
  return unmapped;
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

}  // namespace gunicorn_exporter
