// The endpoints, and what each answers:
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
// What stands before an endpoint (passwords, rate limit, headers) is
// web_access.h's business.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/metric_family.h"
#include "config/config.h"
#include "exporter/status/health.h"
#include "exporter/status/history.h"
#include "exporter/web/http_exchange.h"

namespace gunicorn_exporter {

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
  // What a gunicorn's --statsd-host should be, for the status page's hints:
  // "127.0.0.1:8125", "unix:///run/..."; empty where StatsD is not received.
  std::string statsd_address;
  // Empty when it worked, else one line that says why not.
  std::function<std::string()> reload;
  std::function<void()> quit;  // Returns at once; the answer is still sent.
  // One request was answered. `handler` is the path of the endpoint
  // ("/metrics", "/health/:app"), or "other"; or "refused" for what never
  // became a request: `code` is its status then (408: closed without an
  // answer), 0 for a TLS handshake. May be empty.
  std::function<void(std::string_view handler, int code)> count_request;
};

// "a%2Fb" -> "a/b". Empty where a % is not followed by two hex digits.
std::optional<std::string> DecodePercent(std::string_view text);

// How long a scrape may take: what X-Prometheus-Scrape-Timeout-Seconds says,
// less a margin in which the answer travels; 10 s less the margin where the
// header is missing or no positive number.
std::chrono::milliseconds ScrapeTime(std::string_view header);

class Endpoints;

struct Endpoint {
  enum class Kind {
    kProbe,   // Open to all; also at the address for health alone.
    kHealth,  // Also at the address for health alone.
    kScrape,  // One of --web.max-requests.
    kChange,  // By POST or PUT, with --web.enable-lifecycle.
    kOther,
  };
  std::string_view path;  // Also the `handler` label's value.
  Kind kind = Kind::kOther;
  HttpResponse (Endpoints::*answer)(const HttpRequest&) = nullptr;
};

// Thread rule: any thread, several at once.
class Endpoints {
 public:
  // Throws ConfigError when the telemetry path is another endpoint's.
  Endpoints(const Flags& flags, HttpHandlers handlers);

  // One whose path is "other", and that answers 404, where there is none.
  const Endpoint& Find(std::string_view path) const;
  // Never throws: what a handler throws is logged and becomes a 500.
  HttpResponse Answer(const Endpoint& endpoint, const HttpRequest& request);
  void Count(std::string_view handler, int code) const;

 private:
  using Kind = Endpoint::Kind;
  static const Endpoint kFixed[];

  HttpResponse Dispatch(const Endpoint& endpoint, const HttpRequest& request);
  HttpResponse AnswerMetrics(const HttpRequest& request);
  HttpResponse AnswerHealth(const HttpRequest& request);
  HttpResponse AnswerHealthOfApp(const HttpRequest& request);
  HttpResponse AnswerHealthy(const HttpRequest& request);
  HttpResponse AnswerReady(const HttpRequest& request);
  HttpResponse AnswerPage(const HttpRequest& request);
  HttpResponse AnswerStatus(const HttpRequest& request);
  HttpResponse AnswerHistory(const HttpRequest& request);
  HttpResponse AnswerReload(const HttpRequest& request);
  HttpResponse AnswerQuit(const HttpRequest& request);

  const std::string telemetry_path_;
  const unsigned max_requests_;
  const bool enable_lifecycle_;
  const HttpHandlers handlers_;
  const Endpoint metrics_, health_of_app_, unknown_;
  std::atomic<unsigned> scrapes_{0};  // Running now.
};

// A line of plain text, as an error's answer.
HttpResponse PlainResponse(int status, std::string text);

}  // namespace gunicorn_exporter
