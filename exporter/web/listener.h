// Sockets that listen for HTTP.
#pragma once

#include <string>

#include "config/address.h"

namespace gunicorn_exporter {

// A file descriptor that closes itself. -1: none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd();

  int get() const { return fd_; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_ = -1;
};

struct Listener {
  UniqueFd fd;      // Non-blocking, listening.
  Address address;  // As asked for, with the port that the kernel gave.
};

// `text`: "127.0.0.1:18125", "[::1]:18125", "localhost:0", or ":18125", which
// is every address of the machine, IPv4 and IPv6. Throws ConfigError:
// "web.listen_address: cannot bind 127.0.0.1:1: Permission denied".
Listener Listen(const std::string& text);

}  // namespace gunicorn_exporter
