// The sockets of the receivers and of the relay: what the kernel tells of them.
// socket(7), udp(7), unix(7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "config/base/address.h"
#include "config/base/file_descriptor.h"
#include "config/base/listen.h"

namespace gunicorn_exporter {

// A UDP socket connected to "host:port", non-blocking. Throws ConfigError.
FileDescriptor ConnectUdp(const std::string& address,
                          const std::string& setting);

// Whether what `sender`, a connected UDP socket, sends comes to a socket that
// is bound to the address `receiver`.
bool SendsTo(const FileDescriptor& sender, const std::string& receiver);

// Twice as much by the kernel's own count: 50 ms of 200,000 packets a second.
inline constexpr std::size_t kWantedReceiveBuffer = 4U << 20U;

// Asks for a receive buffer of `bytes`, past net.core.rmem_max where we may; 0:
// kWantedReceiveBuffer, within it, unless the socket has more. Returns what the
// kernel granted, as it is asked for.
std::size_t SetReceiveBuffer(const FileDescriptor& socket, std::size_t bytes);

// What SO_MEMINFO tells of a socket's receive side.
struct ReceiveMemory {
  std::uint32_t queued_bytes = 0;  // With the kernel's own overhead.
  std::uint32_t limit_bytes = 0;
  std::uint32_t drops = 0;  // Since the socket was made; wraps around.
};

// Empty where the kernel does not tell (before Linux 4.12).
std::optional<ReceiveMemory> ReadReceiveMemory(const FileDescriptor& socket);

}  // namespace gunicorn_exporter
