#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace gunicorn_exporter {

std::string TestResponse::Header(const std::string& name) const {
  const std::size_t at = headers.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + 2 + name.size() + 2;
  return headers.substr(begin, headers.find("\r\n", begin) - begin);
}

TestClient::TestClient(std::uint16_t port)
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0) {
    throw std::runtime_error("cannot connect");
  }
}

TestClient::~TestClient() {
  if (socket_ >= 0) close(socket_);
}

void TestClient::Send(const std::string& bytes) const {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t sent = send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // The server has closed; Receive() will tell.
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool TestClient::Fill() {
  std::array<char, 65536> bytes;
  const ssize_t got = recv(socket_, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

TestResponse TestClient::Receive(bool head) {
  TestResponse response;
  while (buffer_.find("\r\n\r\n") == std::string::npos) {
    if (!Fill()) return response;
  }
  const std::size_t end = buffer_.find("\r\n\r\n");
  response.headers = buffer_.substr(0, end);
  response.status = std::stoi(response.headers.substr(9, 3));
  buffer_.erase(0, end + 4);
  const std::string length = response.Header("Content-Length");
  const std::size_t size = head || length.empty() ? 0 : std::stoul(length);
  while (buffer_.size() < size && Fill()) {
  }
  response.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return response;
}

std::string TestClient::ReceiveAll() {
  while (Fill()) {
  }
  std::string all;
  all.swap(buffer_);
  return all;
}

void TestClient::Reset() {
  const linger at_once = {1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(socket_);
  socket_ = -1;
}

TestResponse Request(std::uint16_t port, const std::string& method,
                     const std::string& target, const std::string& headers) {
  TestClient client(port);
  client.Send(method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + headers +
              "\r\n");
  return client.Receive(method == "HEAD");
}

TestResponse Get(std::uint16_t port, const std::string& target,
                 const std::string& headers) {
  return Request(port, "GET", target, headers);
}

}  // namespace gunicorn_exporter
