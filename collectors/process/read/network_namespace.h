// Another process's network namespace, asked from outside it.
//
// A netlink socket stays in the namespace that it was made in. So a short-lived
// thread enters the namespace, makes the socket and ends: the namespace of this
// process and of its other threads never changes, and nothing is entered again
// while the socket is kept. It keeps the namespace alive as well: drop it with
// the namespace's last gunicorn.
//
// Needs CAP_SYS_ADMIN for setns(2), CAP_SYS_PTRACE for another user's
// /proc/PID/ns/net. Without the first nothing is tried, and no error counted.
//
// Safe from any thread, as long as the reader is used by one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "collectors/process/read/proc_reader.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

// A sock_diag socket in the network namespace of `pid`, which is expected to be
// the one that ProcReader::NetworkNamespace calls `inode`; nothing where it
// cannot be entered, or is another one by now.
FileDescriptor OpenSockDiagIn(ProcReader& reader, pid_t pid,
                              std::uint64_t inode);

}  // namespace gunicorn_exporter
