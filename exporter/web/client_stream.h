// The bytes of one connection, plain or through TLS. Each call waits until its
// deadline at most.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/web/tls_context.h"

namespace gunicorn_exporter {

// Thread rule: one thread. To end its waiting, another thread shuts the socket
// down.
class ClientStream {
 public:
  using Clock = std::chrono::steady_clock;

  // The socket is non-blocking and stays its owner's. `tls` null: plain.
  ClientStream(int socket, std::shared_ptr<const TlsContext> tls);

  // Before all else. Empty: it is done, or none is wanted. Else why it failed,
  // in one line; a client that speaks plain HTTP has been told so.
  std::optional<std::string> Handshake(Clock::time_point deadline);
  // Whether the peer has sent anything, be it only a part of a handshake.
  bool HasBegun() const;

  // How many bytes came, at least one; 0: the peer has closed or broken the
  // protocol, or the deadline is over.
  std::size_t Read(char* place, std::size_t size, Clock::time_point deadline);
  // Whether all of it was written.
  bool Write(std::string_view bytes, Clock::time_point deadline);
  // No more will be written: the peer sees the end. It may still send.
  void EndWriting();

 private:
  // What to wait for after a call of OpenSSL or of the socket that moved
  // nothing (POLLIN or POLLOUT); 0 where waiting does not help.
  int WantedAfterSsl(int result) const;
  static int WantedAfter(ssize_t moved, int events);
  bool Wait(int events, Clock::time_point deadline) const;
  std::string HandshakeError(bool in_time);

  const int socket_;
  const std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;  // Null: plain.
};

}  // namespace gunicorn_exporter
