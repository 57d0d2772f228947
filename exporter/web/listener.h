// Sockets that listen for HTTP.
#pragma once

#include <string>

#include "config/base/address.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

struct Listener {
  FileDescriptor fd;  // Non-blocking, listening.
  Address address;    // As asked for, with the port that the kernel gave.
};

// `text`: "127.0.0.1:18125", "[::1]:18125", "localhost:0", or ":18125" and
// "[::]:18125", which are every address of the machine, IPv4 and IPv6. Throws
// ConfigError:
// "web.listen_address: cannot bind 127.0.0.1:1: Permission denied".
Listener Listen(const std::string& text);

}  // namespace gunicorn_exporter
