// Accepts connections, collects whole requests, has each answered, and writes
// the answers. It knows where a request ends, not what it says.
//
// Each connection has a thread with a small stack, so that a client that sends
// or reads slowly delays nobody. What a connection may take is bounded: time
// for a request's head, idle time, time and memory for an answer that is not
// read, connections in all. Where a bound is reached, the connection that has
// waited longest goes first, but none whose request is being answered.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "config/base/file_descriptor.h"
#include "config/base/unix_socket.h"
#include "exporter/web/client_stream.h"
#include "exporter/web/request_frame.h"
#include "exporter/web/tls_context.h"

namespace gunicorn_exporter {

// A socket that listens for HTTP.
struct Listener {
  FileDescriptor fd;                 // Non-blocking, listening.
  std::string address;               // As bound: "127.0.0.1:18125", "unix:///x"
  std::unique_ptr<UnixSocket> path;  // Of a unix socket that is our own.
};

// `address`: HOST:PORT, which may be several sockets (config/base/listen.h), or
// unix:///PATH. Throws ConfigError: "web.listen_address: cannot bind
// 127.0.0.1:1: Permission denied".
std::vector<Listener> Listen(const std::string& address,
                             const std::string& setting);

// One that systemd has opened.
Listener Inherit(FileDescriptor socket);

struct SocketAnswer {
  std::string head;  // Status line and headers, with their empty line.
  std::string body;
  bool close = false;  // No further request on this connection.
  int refused = 0;     // The status, where it was no request after all.
};

struct SocketLimits {
  std::size_t max_connections = 256;
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

// What never became a request.
struct SocketRefusal {
  int status = 0;  // 0: a TLS handshake; 408: the request did not end, and got
                   // no answer.
  std::string reason;
  std::string peer;  // "127.0.0.1:43210"
};

// Called by the connections' threads, several at once; they must not throw.
struct SocketHandlers {
  // For each new connection; null: it is plain. May be empty: all are.
  std::function<std::shared_ptr<const TlsContext>()> tls;
  // `head`: the request line and the headers, with their empty line. A body has
  // been skipped. `peer`: as in SocketRefusal.
  std::function<SocketAnswer(const std::string& head, const std::string& peer)>
      answer;
  std::function<void(const SocketRefusal&)> refused;  // May be empty.
};

class SocketServer {
 public:
  // Serves from here on. The listeners are non-blocking.
  SocketServer(std::vector<Listener> listeners, SocketHandlers handlers,
               const SocketLimits& limits);
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;
  // Accepts no more, lets the requests that run be answered for
  // `limits.stop_timeout`, closes the rest.
  ~SocketServer();

 private:
  using Clock = ClientStream::Clock;
  enum class State {
    kReading,    // A request, or nothing yet.
    kHandling,   // The request is being answered. Nothing is read meanwhile.
    kWriting,    // The answer.
    kLingering,  // All is said; the peer may close first.
  };
  struct Connection;

  void AcceptAll();
  bool Accept(int listener);
  void Add(FileDescriptor fd, const std::string& peer);

  static void* RunThread(void* connection);
  void Serve(Connection& connection);
  RequestFrame ReadRequest(Connection& connection, ClientStream& stream,
                           std::string& input, Clock::time_point deadline);
  bool WriteAnswer(Connection& connection, ClientStream& stream,
                   SocketAnswer answer);
  void Linger(Connection& connection, ClientStream& stream);
  void Refuse(const std::string& peer, int status, std::string reason) const;

  bool Enter(Connection& connection, State state, std::size_t unread = 0);
  // With the mutex held:
  bool EvictOldest(bool writing_alone = false,
                   const Connection* except = nullptr);
  void Evict(Connection& connection);
  void End(Connection& connection);

  const SocketHandlers handlers_;
  const SocketLimits limits_;
  const FileDescriptor wake_;        // eventfd: the accepting thread looks up.
  std::vector<Listener> listeners_;  // The accepting thread's.
  Clock::time_point say_shortage_again_;  // The accepting thread's.
  std::atomic<bool> stop_{false};

  std::mutex mutex_;  // Guards what follows.
  std::condition_variable ended_;
  std::list<Connection> connections_;  // In the order of their accepts.
  std::size_t unread_bytes_ = 0;       // Of the answers being written.
  // Each thread that ends joins the one that ended before it.
  std::optional<pthread_t> last_ended_;

  std::thread accepting_;
};

}  // namespace gunicorn_exporter
