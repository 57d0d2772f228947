// Is a worker working, or idle? It is working when it has a client's request in
// hand, or burned CPU time beyond its heartbeat.
//
// Which connections are in hand, and what remains wrong:
// - A sync worker serves one connection at a time: each that it holds, a silent
//   one too.
// - A gthread or eventlet worker takes a connection out of its epoll set while
//   it serves it. Where descriptors may be read, that is the truth.
// - Of gevent, tornado and ASGI workers, and of all where descriptors may not
//   be read, TCP's own account of the exchange decides (sock_diag.h): a
//   response that is being streamed looks parked. In another network namespace
//   that may not be entered (network_namespace.h) the account is coarser
//   (socket_table.h): a connection that was parked after an answer slower than
//   40 ms looks busy. A unix socket keeps none: each open connection counts,
//   which is right behind nginx, who keeps none alive there.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "collectors/process/read/proc_reader.h"
#include "collectors/process/read/socket_table.h"

namespace gunicorn_exporter {

// Did a worker burn more CPU time than its heartbeat does, `ticks` of it within
// `seconds`? An idle worker wakes about once a second and takes well under a
// millisecond for it, so that a tick of it now and then is none of a request's.
bool IsBurningCpu(std::uint64_t ticks, double seconds, double ticks_per_second);

enum class WorkerKind : std::uint8_t {
  kUnknown,  // Descriptors cannot be read.
  kSync,     // No epoll set.
  kPolling,  // gthread, eventlet.
  kAsync,    // gevent, tornado, ASGI.
};

// What a worker's descriptors tell.
struct WorkerSockets {
  WorkerKind kind = WorkerKind::kUnknown;
  std::set<std::uint64_t> inodes;      // Of its sockets.
  std::set<std::uint64_t> registered;  // Of those, in an epoll set.
};

// `epoll_sets` holds the descriptors in each epoll set of the worker (fdinfo's
// "tfd:" lines); `clients` the inodes of the app's listeners and connections.
// An epoll set that holds another socket, or an eventfd, is an event loop's.
WorkerSockets TellWorkerSockets(const std::vector<FdLink>& links,
                                const std::vector<std::set<int>>& epoll_sets,
                                const std::set<std::uint64_t>& clients);

// tfd:       10 events:       19 data: ...
//            ^^
std::set<int> ParseEpollSet(std::string_view fdinfo);

// Is the connection being served? `registered`: in an epoll set of its worker.
bool IsInHand(ConnectionState exchange, WorkerKind kind, bool registered);

}  // namespace gunicorn_exporter
