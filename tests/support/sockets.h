// Clients of the receivers.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <utility>

#include "collectors/statsd/receive/socket.h"
#include "config/base/address.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {

// The one socket of an address that is no name.
inline FileDescriptor BindOne(InternetSocket kind, const std::string& address) {
  return std::move(BindInternet(kind, address, "test").front());
}

inline FileDescriptor ConnectUnix(const std::string& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&address),
                    sizeof(address)),
            0);
  return socket;
}

inline void SendText(const FileDescriptor& socket, const std::string& text) {
  ASSERT_EQ(send(socket.get(), text.data(), text.size(), 0),
            static_cast<ssize_t>(text.size()));
}

inline FileDescriptor ConnectTcp(const std::string& address) {
  const std::optional<Address> target = ParseAddress(address);
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in internet{};
  internet.sin_family = AF_INET;
  internet.sin_port = htons(target.value().port);
  internet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&internet),
                    sizeof(internet)),
            0);
  return socket;
}

// The kernel carries packets and connections over the loopback device beside
// the processes, and need not be done with one when its sender goes on: these
// wait for it.

// For a datagram, or for a connection that can be accepted.
inline void WaitUntilReadable(const FileDescriptor& socket) {
  constexpr int kMinute = 60'000;
  pollfd waiting{socket.get(), POLLIN, 0};
  ASSERT_EQ(poll(&waiting, 1, kMinute), 1) << "nothing came in a minute";
}

// For the other end of a TCP connection to have all that was sent.
inline void WaitUntilArrived(const FileDescriptor& socket) {
  WaitUntil([&] {
    int on_the_way = -1;
    return ioctl(socket.get(), SIOCOUTQ, &on_the_way) == 0 && on_the_way == 0;
  });
}

// True where the other end has closed the connection; waits for it.
inline bool IsClosed(const FileDescriptor& socket) {
  char byte = 0;
  return recv(socket.get(), &byte, 1, 0) <= 0;
}

// The next datagram; waits for it.
inline std::string ReceiveText(const FileDescriptor& socket) {
  std::string text(65536, '\0');
  const ssize_t size = recv(socket.get(), text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

}  // namespace gunicorn_exporter
