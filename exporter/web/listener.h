// Sockets that listen for HTTP.
#pragma once

#include <string>
#include <vector>

#include "config/base/address.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

struct Listener {
  FileDescriptor fd;  // Non-blocking, listening.
  Address address;    // As bound.
};

// One for each address of it; see config/base/listen.h. Throws ConfigError:
// "web.listen_address: cannot bind 127.0.0.1:1: Permission denied".
std::vector<Listener> Listen(const std::string& address);

}  // namespace gunicorn_exporter
