// Sockets that the service manager has opened and hands over, by the protocol
// of sd_listen_fds(3): LISTEN_FDS file descriptors from 3 on, for the process
// LISTEN_PID. So a unix socket outlives a restart of the exporter, which
// gunicorn needs, since it never connects a second time.
//
// No state of their own; safe from any thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace gunicorn_exporter {

// The descriptors handed over to the process `pid`; none where a variable is
// absent (null), is no number, or names another process.
std::vector<int> InheritedFds(pid_t pid, const char* listen_pid,
                              const char* listen_fds);

// The one among them that is a unix datagram socket bound to `path`.
std::optional<int> FindUnixgram(const std::vector<int>& fds,
                                const std::string& path);

// The same of this process, non-blocking, closed on exec. The caller owns it, and must not
// unlink the path: the socket belongs to who made it.
std::optional<int> InheritedUnixgram(const std::string& path);

}  // namespace gunicorn_exporter
