// What does a worker with an epoll set do about each of its connections?
//
// gthread's and eventlet's take a connection out of the set while they serve
// it. gthread's HTTP/2 connections are never in it: a thread reads from each
// while it has no request. By the worker's descriptors and what its threads
// wait in (proc(5): fd, fdinfo, task/TID/syscall, mem), which needs the rights
// that descriptors need.
//
// Thread rule: that of the reader.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "collectors/process/read/proc_reader.h"
#include "collectors/process/sockets/worker_state.h"

namespace gunicorn_exporter {

// By inode.
using Attentions = std::map<std::uint64_t, Attention>;

// Of `connections`, those of this worker that may have a request in hand; none
// where it cannot be told, as of an event loop. `clients` are these, its other
// connections and its listeners.
Attentions ReadAttentions(ProcReader& reader, pid_t pid,
                          const Descriptors& descriptors,
                          const std::set<std::uint64_t>& connections,
                          const std::set<std::uint64_t>& clients);

// The sockets that a worker waits for, where it takes one out of its epoll set
// while it serves it: no set of an event loop's, which holds an eventfd or
// another socket than `clients`. `epoll_sets` are the descriptors in each set.
std::set<std::uint64_t> WaitedFor(const std::vector<FdLink>& links,
                                  const std::vector<std::set<int>>& epoll_sets,
                                  const std::set<std::uint64_t>& clients);

// The descriptors in an epoll set, from its fdinfo:
//
//     tfd:       10 events:       19 data: ...
//                ^^
std::set<int> ParseEpollSet(std::string_view fdinfo);

// The descriptor that a thread waits to read from, of its syscall file:
//
//     0 0x9 0x7f2f0c0a1b43 0x5 ...      read(9, ...)
//       ^^^
std::optional<int> ParseReadDescriptor(std::string_view syscall);

// Where in its memory a thread that waits for one descriptor says which one: as
// Python reads from a socket with a timeout. Its pollfd, of poll(2):
//
//     7 0x7f567cefe688 0x1 0x7530 ...   poll(0x7f567cefe688, 1, 30000)
//       ^^^^^^^^^^^^^^
std::optional<std::uint64_t> ParsePollAddress(std::string_view syscall);

}  // namespace gunicorn_exporter
