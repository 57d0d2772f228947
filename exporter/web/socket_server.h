// Accepts connections, collects whole requests, has each answered by a worker
// thread, and writes the answers. It knows where a request ends, not what it
// says.
//
// One thread waits for all sockets at once (epoll), so that a client that sends
// or reads slowly costs a descriptor and a small buffer but no thread, and
// delays nobody. What a connection may take is bounded: time for a request's
// head, idle time, time and memory for an answer that is not read, connections
// in all. Where a bound is reached, the connection that has waited longest goes
// first.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exporter/web/listener.h"
#include "exporter/web/transport.h"

namespace gunicorn_exporter {

struct SocketAnswer {
  std::string head;  // Status line and headers, with their empty line.
  std::string body;
  bool close = false;  // No further request on this connection.
};

struct SocketLimits {
  std::size_t max_connections = 256;
  std::size_t max_threads = 48;
  // From the accept, or from the first byte of a later request, to the end of
  // its head and body. The TLS handshake counts.
  std::chrono::milliseconds request_timeout = std::chrono::seconds(10);
  // Between two requests: longer than the usual scrape interval, so that a
  // scraper keeps its connection.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(125);
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);
  // Of answers that wait for clients to read them, all together.
  std::size_t max_unread_bytes = 16 * 1024 * 1024;
  // At the end: for requests that are being answered.
  std::chrono::milliseconds stop_timeout = std::chrono::seconds(3);
};

class SocketLoop;

class SocketServer {
 public:
  // Called by worker threads, several at once; must not throw. `head`: the
  // request line and the headers, with their empty line. A body has been
  // skipped.
  using Handler = std::function<SocketAnswer(const std::string& head)>;
  // Called by the server's own thread for each accepted socket. Null: the
  // connection is refused.
  using TransportFactory = std::function<std::unique_ptr<ClientTransport>(int)>;

  // Serves from here on. The listeners are non-blocking.
  SocketServer(std::vector<Listener> listeners, TransportFactory make_transport,
               Handler handler, const SocketLimits& limits);
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;
  // Accepts no more, lets the requests that run be answered for
  // `limits.stop_timeout`, closes the rest.
  ~SocketServer();

 private:
  std::unique_ptr<SocketLoop> loop_;
};

}  // namespace gunicorn_exporter
