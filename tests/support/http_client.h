// A blocking HTTP client for tests, that sends exactly what it is told to.
#pragma once

#include <cstdint>
#include <string>

namespace gunicorn_exporter {

struct TestResponse {
  int status = 0;       // 0: the server closed without an answer.
  std::string headers;  // Status line and headers, without the empty line.
  std::string body;

  // The value of a header, empty where it is not there. `name` in the case that
  // the server writes.
  std::string Header(const std::string& name) const;
};

class TestClient {
 public:
  explicit TestClient(std::uint16_t port);
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;
  ~TestClient();

  void Send(const std::string& bytes) const;
  // One answer, by its Content-Length; `head`: it has no body.
  TestResponse Receive(bool head = false);
  // All until the server closes.
  std::string ReceiveAll();
  // The socket closes both ways at once, with a reset.
  void Reset();

 private:
  bool Fill();

  int socket_ = -1;
  std::string buffer_;
};

// One request on a connection of its own. `headers`: whole lines with \r\n.
TestResponse Request(std::uint16_t port, const std::string& method,
                     const std::string& target,
                     const std::string& headers = "");
TestResponse Get(std::uint16_t port, const std::string& target,
                 const std::string& headers = "");

}  // namespace gunicorn_exporter
