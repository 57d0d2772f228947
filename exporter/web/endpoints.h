// Which endpoint a path names, and what it answers. What stands before it
// (passwords, rate limit, headers) is web_access.h's business.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/web/http_exchange.h"
#include "exporter/web/http_server.h"

namespace gunicorn_exporter {

enum class Endpoint {
  kMetrics,
  kHealth,
  kHealthOfApp,
  kHealthy,
  kReady,
  kStatusPage,
  kStatusJson,
  kHistory,
  kReload,
  kQuit,
  kUnknown,
};

// "a%2Fb" -> "a/b". Empty where a % is not followed by two hex digits.
std::optional<std::string> DecodePercent(std::string_view text);

// How long a scrape may take: what X-Prometheus-Scrape-Timeout-Seconds says,
// less a margin in which the answer travels; 10 s less the margin where the
// header is missing or no positive number.
std::chrono::milliseconds ScrapeTime(std::string_view header);

// Thread rule: any thread, several at once.
class Endpoints {
 public:
  // Throws ConfigError when the telemetry path is another endpoint's.
  Endpoints(const HttpOptions& options, HttpHandlers handlers);

  Endpoint Find(std::string_view path) const;
  // The `handler` label's value.
  std::string_view Name(Endpoint endpoint) const;
  // Never throws: what a handler throws is logged and becomes a 500.
  HttpResponse Answer(Endpoint endpoint, const HttpRequest& request);
  void Count(Endpoint endpoint, int code) const;

 private:
  HttpResponse AnswerGet(Endpoint endpoint, const HttpRequest& request);
  HttpResponse AnswerScrape(const HttpRequest& request);
  HttpResponse AnswerStatusJson(const HttpRequest& request);
  HttpResponse AnswerHistory(const HttpRequest& request);
  HttpResponse AnswerHealthOfApp(const HttpRequest& request);
  HttpResponse AnswerLifecycle(Endpoint endpoint);
  HttpResponse AnswerTooMany() const;

  const std::string telemetry_path_;
  const unsigned max_requests_;
  const bool enable_lifecycle_;
  const std::string statsd_address_;
  const HttpHandlers handlers_;
  std::atomic<unsigned> scrapes_{0};  // Running now.
};

// A line of plain text, as an error's answer.
HttpResponse PlainResponse(int status, std::string text);

}  // namespace gunicorn_exporter
