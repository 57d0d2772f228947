#include "exporter/web/client_stream.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>
#include <utility>

namespace gunicorn_exporter {

ClientStream::ClientStream(int socket, std::shared_ptr<const TlsContext> tls)
    : socket_(socket), context_(std::move(tls)), ssl_(nullptr, &SSL_free) {
  if (context_ == nullptr) return;
  ssl_.reset(SSL_new(context_->get()));
  if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), socket) != 1) {
    throw std::bad_alloc();
  }
}

std::optional<std::string> ClientStream::Handshake(Clock::time_point deadline) {
  if (ssl_ == nullptr) return std::nullopt;
  for (;;) {
    ERR_clear_error();
    const int result = SSL_accept(ssl_.get());
    if (result == 1) return std::nullopt;
    const int wanted = WantedAfterSsl(result);
    if (wanted == 0) return HandshakeError(true);
    if (!Wait(wanted, deadline)) return HandshakeError(false);
  }
}

std::string ClientStream::HandshakeError(bool in_time) {
  if (!in_time) return "it took too long";
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = ERR_reason_error_string(code);
  if (reason == nullptr) return "the client has closed";
  if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const auto result = SSL_get_verify_result(ssl_.get());
    return reason + std::string(": ") + X509_verify_cert_error_string(result);
  }
  if (ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST) {
    ssl_.reset();
    Write(
        "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
        "Client sent an HTTP request to an HTTPS server.\n",
        Clock::now());
  }
  return reason;
}

bool ClientStream::HasBegun() const {
  return ssl_ == nullptr || BIO_number_read(SSL_get_rbio(ssl_.get())) > 0;
}

std::size_t ClientStream::Read(char* place, std::size_t size,
                               Clock::time_point deadline) {
  for (;;) {
    std::size_t moved = 0;
    int wanted = 0;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      wanted = WantedAfterSsl(SSL_read_ex(ssl_.get(), place, size, &moved));
    } else {
      const ssize_t result = recv(socket_, place, size, 0);
      if (result > 0) return static_cast<std::size_t>(result);
      wanted = WantedAfter(result, POLLIN);
    }
    if (moved > 0) return moved;
    if (wanted == 0 || !Wait(wanted, deadline)) return 0;
  }
}

bool ClientStream::Write(std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    std::size_t moved = 0;
    int wanted = 0;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      wanted = WantedAfterSsl(
          SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &moved));
    } else {
      const ssize_t result =
          send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (result > 0) moved = static_cast<std::size_t>(result);
      wanted = WantedAfter(result, POLLOUT);
    }
    bytes.remove_prefix(moved);
    if (moved == 0 && (wanted == 0 || !Wait(wanted, deadline))) return false;
  }
  return true;
}

void ClientStream::EndWriting() {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  shutdown(socket_, SHUT_WR);
}

int ClientStream::WantedAfterSsl(int result) const {
  if (result == 1) return 0;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return POLLIN;
    case SSL_ERROR_WANT_WRITE:
      return POLLOUT;
    default:
      return 0;
  }
}

int ClientStream::WantedAfter(ssize_t moved, int events) {
  const bool not_yet =
      moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return not_yet ? events : 0;
}

bool ClientStream::Wait(int events, Clock::time_point deadline) const {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting = {};
    waiting.fd = socket_;
    waiting.events = static_cast<decltype(waiting.events)>(events);
    const int ready = poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace gunicorn_exporter
