#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <new>
#include <string_view>
#include <utility>

#include "exporter/web/tls_context.h"

namespace gunicorn_exporter {
namespace {

class TlsTransport : public ClientTransport {
 public:
  TlsTransport(int socket, std::shared_ptr<const TlsContext> context)
      : socket_(socket),
        context_(std::move(context)),
        ssl_(SSL_new(context_->get()), &SSL_free) {
    if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), socket) != 1) {
      throw std::bad_alloc();
    }
    SSL_set_accept_state(ssl_.get());
  }

  // The handshake happens in the first calls.
  Result Read(char* buffer, std::size_t size) override {
    ERR_clear_error();
    std::size_t moved = 0;
    const int result = SSL_read_ex(ssl_.get(), buffer, size, &moved);
    return Done(result, moved);
  }

  Result Write(std::string_view bytes) override {
    ERR_clear_error();
    std::size_t moved = 0;
    const int result =
        SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &moved);
    return Done(result, moved);
  }

  void EndWriting() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    shutdown(socket_, SHUT_WR);
  }

 private:
  Result Done(int result, std::size_t moved) {
    if (result == 1) return {Status::kOk, moved};
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {Status::kWantRead, 0};
      case SSL_ERROR_WANT_WRITE:
        return {Status::kWantWrite, 0};
      default:
        break;
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_HTTP_REQUEST) {
      TellThatThisIsTls();
    }
    ERR_clear_error();
    return {Status::kClosed, 0};
  }

  void TellThatThisIsTls() const {
    constexpr std::string_view kAnswer =
        "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
        "Client sent an HTTP request to an HTTPS server.\n";
    // Best effort: the connection closes either way.
    [[maybe_unused]] const ssize_t sent =
        send(socket_, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
    shutdown(socket_, SHUT_WR);
    // To close with unread input would take the answer from the client.
    std::array<char, 4096> ignored;
    for (int i = 0; i < 16; ++i) {
      if (recv(socket_, ignored.data(), ignored.size(), 0) <= 0) break;
    }
  }

  const int socket_;
  const std::shared_ptr<const TlsContext> context_;
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

}  // namespace

std::unique_ptr<ClientTransport> MakeTlsTransport(
    int socket, std::shared_ptr<const TlsContext> context) {
  return std::make_unique<TlsTransport>(socket, std::move(context));
}

}  // namespace gunicorn_exporter
