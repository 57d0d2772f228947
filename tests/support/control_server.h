// Stands in for the control server of a gunicorn master: this process is the
// master.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

// As gunicorn frames it, its length written by hand.
inline std::string Framed(std::string_view json) {
  const std::size_t size = json.size();
  std::string message = {static_cast<char>(size >> 24U & 0xffU),
                         static_cast<char>(size >> 16U & 0xffU),
                         static_cast<char>(size >> 8U & 0xffU),
                         static_cast<char>(size & 0xffU)};
  return message.append(json);
}

// What gunicorn answers.
inline constexpr std::string_view kShowConfigOfGthread =
    R"({"id": 1, "status": "ok", "data": {"bind": ["127.0.0.1:8000"],
        "workers": 4,
        "worker_class": "<class 'gunicorn.workers.gthread.ThreadWorker'>",
        "threads": 8, "timeout": 60, "graceful_timeout": 30, "keepalive": 2,
        "worker_connections": 1000, "pidfile": null, "proc_name": "shop",
        "control_socket": "/run/shop/gunicorn.ctl",
        "control_socket_disable": false}})";

// Listens, and gives one connection the bytes of `answer`.
class ControlServer {
 public:
  explicit ControlServer(std::string path) : path_(std::move(path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(&address.sun_path, path_.c_str(), path_.size() + 1);
    listener_ = FileDescriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address),
                   sizeof address),
              0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
  }

  // In two pieces, then closes. Returns what was asked.
  std::string Serve(const std::string& answer) {
    const FileDescriptor connection(accept(listener_.get(), nullptr, nullptr));
    char text[256];
    const ssize_t size = recv(connection.get(), text, sizeof text, 0);
    const std::size_t half = answer.size() / 2;
    send(connection.get(), answer.data(), half, MSG_NOSIGNAL);
    send(connection.get(), answer.data() + half, answer.size() - half,
         MSG_NOSIGNAL);
    return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

  // What came by the connection that waits; nothing where none does.
  std::optional<std::string> TakeWaiting() {
    fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
    const FileDescriptor connection(accept(listener_.get(), nullptr, nullptr));
    if (!connection) return std::nullopt;
    std::string all;
    char text[256];
    for (ssize_t size = 0;
         (size = recv(connection.get(), text, sizeof text, 0)) > 0;) {
      all.append(text, static_cast<std::size_t>(size));
    }
    return all;
  }

  FileDescriptor OpenPath() const {
    return FileDescriptor(open(path_.c_str(), O_PATH | O_CLOEXEC));
  }

 private:
  std::string path_;
  FileDescriptor listener_;
};

}  // namespace gunicorn_exporter
