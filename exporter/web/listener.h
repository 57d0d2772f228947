// Sockets that listen for HTTP.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/base/file_descriptor.h"
#include "config/base/unix_socket.h"

namespace gunicorn_exporter {

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

}  // namespace gunicorn_exporter
