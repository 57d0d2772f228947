// A unix socket of its own path: taken over where its last owner died, and
// removed at the end. unix(7).
//
// What cannot work throws ConfigError that begins with the setting:
//
//     statsd.listen_unixgram: cannot bind /run/x.sock, another process has it
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

// The path of "/run/x.sock" or "unix:///run/x.sock", as gunicorn writes it;
// throws for anything else.
std::string UnixSocketPath(const std::string& listen,
                           const std::string& setting);

enum class UnixSocketKind { kDatagram, kStream };

class UnixSocket {
 public:
  // Bound (a stream: listening) and non-blocking. Makes the directory where it
  // is missing. No mode: what the umask leaves. Throws where the path is too
  // long, is no socket, or somebody receives there.
  UnixSocket(UnixSocketKind kind, const std::string& path,
             std::optional<unsigned> mode, std::string setting);
  // Removes the path, if it is still this socket's.
  ~UnixSocket();
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;

  // The socket, for another to own.
  FileDescriptor TakeSocket() { return std::move(socket_); }

 private:
  [[noreturn]] void Fail(const std::string& what, int error) const;
  FileDescriptor NewSocket() const;
  void MakeDirectory() const;
  void RemoveStale() const;
  void Bind(std::optional<unsigned> mode);

  const UnixSocketKind kind_;
  const std::string path_;
  const std::string setting_;
  FileDescriptor socket_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace gunicorn_exporter
