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
// A threaded worker takes a connection out of its epoll set while it serves it,
// and no thread reads from it then: this one is in hand, too. Its HTTP/2
// connections are never in the set: a thread reads from each that has no
// request, whose client may have sent frames after the answer.
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
// - Where a thread reads from a connection that has sent something, a request
//   looks like such frames while its client pauses in it, for longer than a
//   sample: over TLS, or of up to kMostFrames bytes so far.
// - Without rights, and of an event loop, such frames look like a request, and
//   a request whose connection's settings gunicorn acknowledged looks answered.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <set>
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

// What a connection had carried at a sample.
struct CarriedBytes {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;

  bool operator==(const CarriedBytes&) const = default;
};

// What its worker does about a connection, by the worker's descriptors and
// threads (attention.h).
enum class Attention : std::uint8_t {
  kUnknown,
  kAwaited,  // Waits in its epoll set for the next request.
  kRead,     // A thread waits to read from it.
  kServed,   // Neither, though such a worker does one of these at rest.
};

// `before`: at the sample before; null where it is new. `at_rest`: when it was
// last seen without a request in hand; else nothing. `is_sync`: it is a sync
// worker's.
bool IsInHand(const TcpSocket& connection, const CarriedBytes* before,
              const CarriedBytes& at_rest, bool is_sync, Attention attention);

}  // namespace gunicorn_exporter
