#include "exporter/web/endpoints.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <exception>
#include <iterator>
#include <system_error>
#include <utility>

#include "collectors/series/time_point.h"
#include "config/base/config_error.h"
#include "config/base/log.h"
#include "exporter/scrape/content_negotiation.h"
#include "exporter/scrape/exposition.h"
#include "exporter/status/health.h"
#include "exporter/status/status_json.h"
#include "exporter/status/status_page.h"

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kHealthPrefix = "/health/";

// Not worth the CPU of compressing it.
constexpr std::size_t kMinGzipBytes = 1024;

// One of at most `max` at a time; `max` 0: of any number.
class Slot {
 public:
  Slot(std::atomic<unsigned>& used, unsigned max)
      : used_(used), taken_(++used <= max || max == 0) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { --used_; }
  bool taken() const { return taken_; }

 private:
  std::atomic<unsigned>& used_;
  const bool taken_;
};

void SetBody(HttpResponse& response, std::string body,
             const HttpRequest& request) {
  response.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  if (body.size() >= kMinGzipBytes && AcceptsGzip(request.accept_encoding)) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    body = Gzip(body);
  }
  response.body = std::move(body);
}

HttpResponse JsonResponse(int status, std::string json) {
  HttpResponse response;
  response.status = status;
  response.content_type = kJson;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(json);
  return response;
}

// What stands behind "/health/", as sent; empty where that is another path.
std::optional<std::string_view> NameOfApp(std::string_view path) {
  const std::size_t end = path.find('/', 1);
  if (end == std::string_view::npos || end + 1 == path.size() ||
      DecodePercent(path.substr(0, end + 1)) != kHealthPrefix) {
    return std::nullopt;
  }
  return path.substr(end + 1);
}

std::chrono::steady_clock::time_point Deadline(const HttpRequest& request) {
  return std::chrono::steady_clock::now() + ScrapeTime(request.scrape_timeout);
}

}  // namespace

HttpResponse PlainResponse(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.body = std::move(text) + "\n";
  return response;
}

std::optional<std::string> DecodePercent(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned char byte = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc() ||
        end != digits.data() + 2) {
      return std::nullopt;
    }
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

std::chrono::milliseconds ScrapeTime(std::string_view header) {
  constexpr double kDefaultSeconds = 10;  // Prometheus' own default.
  constexpr double kLongestSeconds = 600;
  constexpr double kMarginSeconds = 0.5;
  constexpr double kMarginPart = 0.2;  // Of a timeout under 2.5 s.
  double seconds = 0;
  const char* const end = header.data() + header.size();
  const auto [stop, error] = std::from_chars(header.data(), end, seconds);
  if (error != std::errc() || stop != end || !std::isfinite(seconds) ||
      seconds <= 0) {
    seconds = kDefaultSeconds;
  }
  seconds = std::min(seconds, kLongestSeconds);
  seconds -= std::min(kMarginSeconds, seconds * kMarginPart);
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

const Endpoint Endpoints::kFixed[] = {
    {"/health", Kind::kHealth, &Endpoints::AnswerHealth},
    {"/-/healthy", Kind::kProbe, &Endpoints::AnswerHealthy},
    {"/-/ready", Kind::kProbe, &Endpoints::AnswerReady},
    {"/", Kind::kOther, &Endpoints::AnswerPage},
    {"/api/v1/status", Kind::kScrape, &Endpoints::AnswerStatus},
    {"/api/v1/history", Kind::kScrape, &Endpoints::AnswerHistory},
    {"/-/reload", Kind::kChange, &Endpoints::AnswerReload},
    {"/-/quit", Kind::kChange, &Endpoints::AnswerQuit},
};

Endpoints::Endpoints(const Flags& flags, HttpHandlers handlers)
    : telemetry_path_(flags.web_telemetry_path),
      max_requests_(flags.web_max_requests),
      enable_lifecycle_(flags.web_enable_lifecycle),
      handlers_(std::move(handlers)),
      metrics_{telemetry_path_, Kind::kScrape, &Endpoints::AnswerMetrics},
      health_of_app_{"/health/:app", Kind::kHealth,
                     &Endpoints::AnswerHealthOfApp},
      unknown_{"other", Kind::kOther, nullptr} {
  const bool taken = std::any_of(
      std::begin(kFixed), std::end(kFixed), [&](const Endpoint& endpoint) {
        return endpoint.path == telemetry_path_ && endpoint.path != "/";
      });
  const auto refuse = [this](const char* reason) {
    throw ConfigError("web.telemetry_path: \"" + telemetry_path_ + "\" " +
                      reason + "; write for example \"/metrics\"");
  };
  if (!telemetry_path_.starts_with('/')) refuse("does not begin with \"/\"");
  if (taken || telemetry_path_.starts_with(kHealthPrefix)) {
    refuse("is another endpoint");
  }
}

// Percent-encoding makes no other path of it, but an encoded slash separates
// nothing.
const Endpoint& Endpoints::Find(std::string_view path) const {
  if (NameOfApp(path).has_value()) return health_of_app_;
  const std::string decoded = DecodePercent(path).value_or("");
  if (std::count(path.begin(), path.end(), '/') !=
      std::count(decoded.begin(), decoded.end(), '/')) {
    return unknown_;
  }
  if (decoded == telemetry_path_) return metrics_;
  for (const Endpoint& endpoint : kFixed) {
    if (decoded == endpoint.path) return endpoint;
  }
  return unknown_;
}

void Endpoints::Count(std::string_view handler, int code) const {
  if (handlers_.count_request) handlers_.count_request(handler, code);
}

HttpResponse Endpoints::Answer(const Endpoint& endpoint,
                               const HttpRequest& request) {
  try {
    return Dispatch(endpoint, request);
  } catch (const std::exception& error) {
    LogEvent(
        LogLevel::kError, "http_request_failed",
        {{"handler", std::string(endpoint.path)}, {"error", error.what()}});
    return PlainResponse(500, "Internal server error");
  }
}

HttpResponse Endpoints::Dispatch(const Endpoint& endpoint,
                                 const HttpRequest& request) {
  if (endpoint.answer == nullptr) return PlainResponse(404, "Not found");
  const bool changes = endpoint.kind == Kind::kChange;
  const std::string& method = request.method;
  if (changes ? method != "POST" && method != "PUT"
              : method != "GET" && method != "HEAD") {
    const std::string allowed = changes ? "POST, PUT" : "GET, HEAD";
    HttpResponse response =
        PlainResponse(405, "Method not allowed; expected " + allowed);
    response.headers.emplace_back("Allow", allowed);
    return response;
  }
  if (changes && !enable_lifecycle_) {
    return PlainResponse(403,
                         "Lifecycle API is not enabled; start with "
                         "--web.enable-lifecycle");
  }
  if (endpoint.kind != Kind::kScrape) return (this->*endpoint.answer)(request);
  const Slot slot(scrapes_, max_requests_);
  if (slot.taken()) return (this->*endpoint.answer)(request);
  return PlainResponse(503, "Limit of concurrent requests reached (" +
                                std::to_string(max_requests_) +
                                "), try again later");
}

HttpResponse Endpoints::AnswerMetrics(const HttpRequest& request) {
  const ExpositionFormat format = NegotiateFormat(request.accept);
  HttpResponse response;
  response.content_type = ContentType(format);
  SetBody(response, Expose(handlers_.scrape(Deadline(request)), format),
          request);
  return response;
}

HttpResponse Endpoints::AnswerHealth(const HttpRequest& /*request*/) {
  HealthAnswer health = HealthOfAll(handlers_.apps());
  return JsonResponse(health.http_status, std::move(health.json));
}

HttpResponse Endpoints::AnswerHealthOfApp(const HttpRequest& request) {
  const std::optional<std::string> app =
      DecodePercent(NameOfApp(request.path).value_or(""));
  if (!app.has_value()) {
    return PlainResponse(400, "The app's name is not percent-encoded right");
  }
  HealthAnswer health = HealthOfOne(handlers_.apps(), *app);
  return JsonResponse(health.http_status, std::move(health.json));
}

HttpResponse Endpoints::AnswerHealthy(const HttpRequest& /*request*/) {
  return PlainResponse(200, "gunicorn_exporter is healthy");
}

HttpResponse Endpoints::AnswerReady(const HttpRequest& /*request*/) {
  if (handlers_.ready())
    return PlainResponse(200, "gunicorn_exporter is ready");
  return PlainResponse(503, "gunicorn_exporter is not ready yet");
}

HttpResponse Endpoints::AnswerPage(const HttpRequest& request) {
  StatusPage page = MakeStatusPage(telemetry_path_);
  HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.headers = {
      {"Content-Security-Policy", std::move(page.security_policy)},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-cache"}};
  SetBody(response, std::move(page.html), request);
  return response;
}

HttpResponse Endpoints::AnswerStatus(const HttpRequest& request) {
  HttpResponse response = JsonResponse(200, {});
  SetBody(
      response,
      StatusJson(handlers_.scrape(Deadline(request)), handlers_.apps(),
                 *handlers_.history, SystemTime(), handlers_.statsd_address),
      request);
  return response;
}

HttpResponse Endpoints::AnswerHistory(const HttpRequest& request) {
  constexpr std::string_view kAfter = "after=";
  std::int64_t after = -1;
  if (request.query.starts_with(kAfter)) {
    const char* const end = request.query.data() + request.query.size();
    std::from_chars(request.query.data() + kAfter.size(), end, after);
  }
  HttpResponse response = JsonResponse(200, {});
  SetBody(response, handlers_.history->Json(after, SystemTime()), request);
  return response;
}

HttpResponse Endpoints::AnswerReload(const HttpRequest& /*request*/) {
  const std::string error = handlers_.reload();
  if (error.empty()) return PlainResponse(200, "Configuration reloaded");
  return PlainResponse(500, "Failed to reload the configuration: " + error);
}

HttpResponse Endpoints::AnswerQuit(const HttpRequest& /*request*/) {
  handlers_.quit();
  return PlainResponse(200, "Requesting termination... Goodbye!");
}

}  // namespace gunicorn_exporter
