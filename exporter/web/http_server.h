// The endpoints over HTTP and HTTPS:
//
//     GET  /metrics (--web.telemetry-path)   text, OpenMetrics or protobuf
//     GET  /health, /health/APP              the is_running check (health.h)
//     GET  /-/healthy, /-/ready              probes: no password, no rate limit
//     GET  /                                 the status page
//     GET  /api/v1/status, /api/v1/history   the JSON behind it (status_json.h,
//                                            history.h)
//     POST /-/reload, /-/quit                (or PUT) --web.enable-lifecycle
//
// HEAD is answered as GET without its body; another method gets 405 with Allow.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/metric_family.h"
#include "config/base/file_descriptor.h"
#include "exporter/file_thread.h"
#include "exporter/status/health.h"
#include "exporter/status/history.h"

namespace gunicorn_exporter {

// A web configuration that has been read with its certificates (web_access.h).
struct WebState;

struct HttpOptions {
  // "127.0.0.1:18125", "[::1]:18125"; ":18125" is every address, IPv4 and IPv6;
  // port 0 takes a free one; "unix:///run/x.sock". At least one.
  std::vector<std::string> listen_addresses = {":18125"};
  // /-/healthy, /-/ready and /health alone, plain and open to all; empty: off.
  std::string health_listen_address;
  std::string telemetry_path = "/metrics";  // "/": no status page.
  std::shared_ptr<const WebState> web;      // LoadWebState(); never null.
  unsigned max_requests = 40;  // Scrapes at a time, 503 beyond; 0: no limit.
  // What a gunicorn's --statsd-host should be, for the status page's hints:
  // "127.0.0.1:8125", "unix:///run/..."; empty where StatsD is not received.
  std::string statsd_address;
  bool enable_lifecycle = false;  // Off: /-/reload and /-/quit get 403.
};

// What the endpoints ask for. All of them are called by several threads at
// once; what they throw becomes a 500.
struct HttpHandlers {
  // Every family, sorted, each name once. What is not there by `deadline` is
  // left out.
  std::function<std::vector<MetricFamily>(
      std::chrono::steady_clock::time_point deadline)>
      scrape;
  std::function<KnownApps()> apps;  // Waits a moment at most.
  std::function<bool()> ready;
  const History* history = nullptr;  // Of the apps; it outlives the server.
  // Empty when it worked, else one line that says why not.
  std::function<std::string()> reload;
  std::function<void()> quit;  // Returns at once; the answer is still sent.
  // One request was answered. `handler` is the path of the endpoint
  // ("/metrics", "/health/:app"), or "other"; or "refused" for what never
  // became a request: `code` is its status then (408: closed without an
  // answer), 0 for a TLS handshake. May be empty.
  std::function<void(std::string_view handler, int code)> count_request;
};

class HttpServer {
 public:
  // Binds and serves. Throws ConfigError: "web.listen_address: cannot bind
  // 127.0.0.1:1: Permission denied". `file_thread` reads the web configuration
  // again when it changes; it outlives this.
  // `inherited`: sockets that listen, in place of `listen_addresses`.
  HttpServer(const HttpOptions& options, HttpHandlers handlers,
             FileThread& file_thread,
             std::vector<FileDescriptor> inherited = {});
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Lets running requests be answered for a few seconds, then closes.
  ~HttpServer();

  // In the order of the options, that for health last, with the ports that the
  // kernel gave.
  const std::vector<std::string>& addresses() const;

  // A reload of the web configuration and its certificates, which also happens
  // by itself when one of the files changes. Prepare reads them and changes
  // nothing; throws ConfigError where something is wrong or takes longer than
  // the deadline. Adopt makes it hold. Any thread.
  std::shared_ptr<const WebState> PrepareWebConfig(
      std::chrono::steady_clock::time_point deadline);
  void AdoptWebConfig(std::shared_ptr<const WebState> prepared);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gunicorn_exporter
