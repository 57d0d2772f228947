// The unix datagram socket: a path with a mode, taken over where its last owner
// died, and removed at the end. unix(7).
#pragma once

#include <sys/types.h>

#include <string>

#include "collectors/statsd/receive/socket.h"

namespace gunicorn_exporter {

// The path of "/run/x.sock" or "unix:///run/x.sock", as gunicorn writes it;
// throws ConfigError for anything else.
std::string UnixSocketPath(const std::string& listen);

class UnixSocket {
 public:
  // Makes the directory where it is missing. Throws ConfigError
  // ("statsd.listen_unixgram: ...") where the path is too long, is no socket,
  // or somebody receives there.
  UnixSocket(const std::string& path, unsigned mode);
  // Removes the path, if it is still this socket's.
  ~UnixSocket();
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;

  // The socket, for the receiver to own.
  FileDescriptor TakeSocket() { return std::move(socket_); }

 private:
  std::string path_;
  FileDescriptor socket_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace gunicorn_exporter
