// The bytes of one connection, plain or through TLS, without waiting.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace gunicorn_exporter {

// Thread rule: one thread. The socket stays its owner's, and open as long as
// this lives.
class ClientTransport {
 public:
  enum class Status {
    kOk,         // `bytes` were moved, at least one.
    kWantRead,   // Nothing was: call again when the socket can be read,
    kWantWrite,  // or written.
    kClosed,     // The peer closed, or broke the protocol.
  };
  struct Result {
    Status status = Status::kClosed;
    std::size_t bytes = 0;
  };

  virtual ~ClientTransport() = default;
  virtual Result Read(char* buffer, std::size_t size) = 0;
  virtual Result Write(std::string_view bytes) = 0;
  // No more will be written: the peer sees the end. It may still send.
  virtual void EndWriting() = 0;
};

std::unique_ptr<ClientTransport> MakePlainTransport(int socket);

}  // namespace gunicorn_exporter
