// Addresses to listen on or to send to, "127.0.0.1:8125", ":18125",
// "[::1]:8125", and those of sockets.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

struct Address {
  std::string host;  // Without brackets. Empty: every address of the machine.
  std::uint16_t port = 0;  // 0: the kernel picks a free one.

  bool operator==(const Address&) const = default;
};

// Empty where the text is no address: a port is required.
std::optional<Address> ParseAddress(std::string_view text);

// "127.0.0.1:8125", "[::1]:8125", ":18125": the inverse of ParseAddress.
std::string FormatAddress(const Address& address);
// The same of a socket's; the path of a unix socket; empty where it is neither.
std::string FormatAddress(const sockaddr_storage& address);

// Who comes over IPv4 to an IPv6 socket is told as ::ffff:127.0.0.1: that as
// the IPv4 address that it is. Others as they are.
sockaddr_storage Unmapped(const sockaddr_storage& address);

// "127.0.0.1:8125"; the path of a unix socket; empty where it cannot be told.
std::string LocalAddress(const FileDescriptor& socket);
// The same of the other end of a connected socket.
std::string PeerAddress(const FileDescriptor& socket);
std::uint16_t LocalPort(const FileDescriptor& socket);

}  // namespace gunicorn_exporter
