// Clients of the receivers.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>

#include "collectors/statsd/socket.h"
#include "config/address.h"

namespace gunicorn_exporter {

inline Socket ConnectUnix(const std::string& path) {
  Socket socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(connect(socket.fd(), reinterpret_cast<sockaddr*>(&address),
                    sizeof(address)),
            0);
  return socket;
}

inline void SendText(const Socket& socket, const std::string& text) {
  ASSERT_EQ(send(socket.fd(), text.data(), text.size(), 0),
            static_cast<ssize_t>(text.size()));
}

inline Socket ConnectTcp(const std::string& address) {
  const std::optional<Address> target = ParseAddress(address);
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in internet{};
  internet.sin_family = AF_INET;
  internet.sin_port = htons(target.value().port);
  internet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(socket.fd(), reinterpret_cast<sockaddr*>(&internet),
                    sizeof(internet)),
            0);
  return socket;
}

// True where the other end has closed the connection; waits for it.
inline bool IsClosed(const Socket& socket) {
  char byte = 0;
  return recv(socket.fd(), &byte, 1, 0) <= 0;
}

// The next datagram; waits for it.
inline std::string ReceiveText(const Socket& socket) {
  std::string text(65536, '\0');
  const ssize_t size = recv(socket.fd(), text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

}  // namespace gunicorn_exporter
