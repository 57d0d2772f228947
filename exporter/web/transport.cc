#include "exporter/web/transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace gunicorn_exporter {
namespace {

class PlainTransport : public ClientTransport {
 public:
  explicit PlainTransport(int socket) : socket_(socket) {}

  Result Read(char* buffer, std::size_t size) override {
    return Done(recv(socket_, buffer, size, 0), Status::kWantRead);
  }

  Result Write(std::string_view bytes) override {
    return Done(send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                Status::kWantWrite);
  }

  void EndWriting() override { shutdown(socket_, SHUT_WR); }

 private:
  static Result Done(ssize_t moved, Status wait) {
    if (moved > 0) return {Status::kOk, static_cast<std::size_t>(moved)};
    const bool not_yet = moved < 0 && (errno == EAGAIN ||
                                       errno == EWOULDBLOCK || errno == EINTR);
    return {not_yet ? wait : Status::kClosed, 0};
  }

  const int socket_;
};

}  // namespace

std::unique_ptr<ClientTransport> MakePlainTransport(int socket) {
  return std::make_unique<PlainTransport>(socket);
}

}  // namespace gunicorn_exporter
