// A line as it has come, and who sent it as far as the kernel tells.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string_view>

#include "collectors/statsd/lines/line_counts.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

// At most one is set.
struct DatagramSource {
  pid_t pid = 0;                              // SCM_CREDENTIALS; 0: not told.
  const sockaddr_storage* address = nullptr;  // Of a UDP packet. Borrowed.
  // Of a TCP stream, which names no app. Borrowed.
  const FileDescriptor* connection = nullptr;
};

// Borrowed.
struct ReceivedLine {
  Transport transport{};
  std::string_view text;  // Without its "\n".
  DatagramSource source;
};

}  // namespace gunicorn_exporter
