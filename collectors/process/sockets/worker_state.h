// Is a worker working, or idle? It is working when it has a client's request in
// hand, or burns CPU time that nothing else explains.
//
// A connection has a request in hand when its client has sent something, and
// - nothing was sent back yet, or a "100 Continue" alone; or
// - what it sent is younger than what was sent back; or
// - something that was sent back is not acknowledged: a client that reads
//   slowly; or
// - more was sent back than at the sample before, and nothing came: an answer
//   that is streamed, or one that has just ended.
// A sync worker closes a connection with its answer: each one that it holds is
// in hand, also where its client has closed.
//
// What remains wrong:
// - TCP tells nothing of a unix socket, and in another network namespace that
//   may not be entered (network_namespace.h) it tells less (socket_table.h).
//   There each open connection, or each that was parked after an answer slower
//   than 40 ms, counts: right behind nginx, who keeps none alive. Where
//   descriptors may be read, a gthread or eventlet worker's are told all the
//   same: it takes a connection out of its epoll set while it serves it.
// - A streamed answer that pauses for longer than a sample looks parked
//   meanwhile, since nothing tells it from one that has ended.
// - A connection that its client resets before any sample has seen it is not
//   known to be a request: its descriptor tells no more than that of any other
//   socket that is closed.
// - A "100 Continue" looks like an answer where gunicorn itself speaks TLS.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "collectors/process/read/proc_reader.h"
#include "collectors/process/read/socket_table.h"

namespace gunicorn_exporter {

// Of one CPU, over the time between two looks. An idle worker wakes about once
// a second and takes well under a millisecond for it.
inline constexpr double kMoreThanHeartbeats = 0.02;
// Where connections are told, CPU time is a request's only where it is more
// than what threads in the background take, an APM's for one.
inline constexpr double kMoreThanBackground = 0.5;

// Did a worker burn `ticks` of CPU time within `seconds`, and is that this
// share of a CPU? A tick of it now and then is a heartbeat's.
bool IsBurningCpu(std::uint64_t ticks, double seconds, double ticks_per_second,
                  double share);

// What a worker's descriptors tell.
struct HeldSockets {
  std::set<std::uint64_t> inodes;
  std::vector<int> epoll_sets;  // Their descriptors.
  bool has_heartbeat = false;   // Its heartbeat file, until it exits.

  // It serves one connection at a time.
  bool is_sync() const { return epoll_sets.empty(); }
};

// Of one process.
struct Descriptors {
  std::vector<FdLink> links;
  HeldSockets sockets;  // By these.
};

HeldSockets ToHeldSockets(const std::vector<FdLink>& links);

// The sockets that a worker waits for, where it takes one out of its epoll set
// while it serves it: no set of an event loop's, which holds an eventfd or
// another socket than `clients`, its listeners and connections. `epoll_sets`
// are the descriptors in each set.
std::set<std::uint64_t> WaitedFor(const std::vector<FdLink>& links,
                                  const std::vector<std::set<int>>& epoll_sets,
                                  const std::set<std::uint64_t>& clients);

// The descriptors in an epoll set, from its fdinfo:
//
//     tfd:       10 events:       19 data: ...
//                ^^
std::set<int> ParseEpollSet(std::string_view fdinfo);

// What a connection had carried at a sample.
struct CarriedBytes {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
};

// `before`: at the sample before; null where it is new. `at_rest`: when it was
// last seen without a request in hand; else nothing. `is_sync`: it is a sync
// worker's. `is_waited_for`: WaitedFor() its worker.
bool IsInHand(const TcpSocket& connection, const CarriedBytes* before,
              const CarriedBytes& at_rest, bool is_sync, bool is_waited_for);

}  // namespace gunicorn_exporter
