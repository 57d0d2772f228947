// The endpoints (endpoints.h) over HTTP and HTTPS.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/base/file_descriptor.h"
#include "config/config.h"
#include "exporter/file_thread.h"
#include "exporter/web/endpoints.h"
#include "exporter/web/socket_server.h"
#include "exporter/web/web_access.h"

namespace gunicorn_exporter {

class HttpServer {
 public:
  // Binds and serves. Throws ConfigError: "web.listen_address: cannot bind
  // 127.0.0.1:1: Permission denied". `web`: LoadWebState(). `file_thread` reads
  // the web configuration again when it changes; it outlives this.
  // `inherited`: sockets that listen, in place of the flags' addresses.
  HttpServer(const Flags& flags, std::shared_ptr<const WebState> web,
             HttpHandlers handlers, FileThread& file_thread,
             std::vector<FileDescriptor> inherited = {});
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Lets running requests be answered for a few seconds, then closes.
  ~HttpServer() = default;

  // In the order of the flags, that for health last, with the ports that the
  // kernel gave.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // For a reload of the web configuration.
  WebAccess& access() { return access_; }

 private:
  SocketAnswer Answer(const std::string& head, const std::string& peer);
  SocketAnswer AnswerHealth(const std::string& head);
  void OnRefused(const SocketRefusal& refusal);
  void Tell(const std::vector<Listener>& listeners, bool has_tls);

  Endpoints endpoints_;
  WebAccess access_;
  std::vector<std::string> addresses_;
  std::mutex mutex_;  // Guards what follows.
  std::chrono::steady_clock::time_point log_refusals_again_;
  // Last: they use the rest.
  std::optional<SocketServer> sockets_, health_sockets_;
};

}  // namespace gunicorn_exporter
