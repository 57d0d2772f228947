#include "exporter/web/http_server.h"

#include <mutex>
#include <optional>
#include <utility>

#include "config/base/descriptor_limit.h"
#include "config/base/log.h"
#include "exporter/web/endpoints.h"
#include "exporter/web/http_exchange.h"
#include "exporter/web/listener.h"
#include "exporter/web/socket_server.h"
#include "exporter/web/web_access.h"

namespace gunicorn_exporter {
namespace {

using Clock = std::chrono::steady_clock;

// A flood of what is refused does not flood the log.
constexpr auto kBetweenRefusals = std::chrono::seconds(1);

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpOptions& options, HttpHandlers handlers,
       FileThread& file_thread)
      : count_request(handlers.count_request),
        endpoints(options, std::move(handlers)),
        access(options.web_config_file, file_thread) {
    std::vector<Listener> listeners;
    for (const std::string& address : options.listen_addresses) {
      for (Listener& listener : Listen(address)) {
        addresses.push_back(listener.address);
        listeners.push_back(std::move(listener));
      }
    }
    SocketLimits limits;
    limits.max_connections = DescriptorShare(limits.max_connections);
    sockets = std::make_unique<SocketServer>(
        std::move(listeners),
        SocketHandlers{
            [this] { return access.Tls(); },
            [this](const std::string& head) { return Answer(head); },
            [this](const SocketRefusal& refusal) { OnRefused(refusal); }},
        limits);
    for (const Address& address : addresses) {
      LogEvent(LogLevel::kInfo, "http_started",
               {{"address", FormatAddress(address)},
                {"tls", access.Tls() == nullptr ? "false" : "true"}});
    }
  }

  SocketAnswer Answer(const std::string& head) {
    return AnswerHttp(head, [this](const HttpRequest& request) {
      const Endpoint endpoint = endpoints.Find(request.path);
      const bool probe =
          endpoint == Endpoint::kHealthy || endpoint == Endpoint::kReady;
      std::optional<HttpResponse> refusal = access.Refuse(request, probe);
      HttpResponse response = refusal.has_value()
                                  ? std::move(*refusal)
                                  : endpoints.Answer(endpoint, request);
      access.AddHeaders(response);
      endpoints.Count(endpoint, response.status);
      return response;
    });
  }

  void OnRefused(const SocketRefusal& refusal) {
    if (count_request) count_request("refused", refusal.status);
    {
      const std::lock_guard lock(mutex);
      const Clock::time_point now = Clock::now();
      if (now < log_refusals_again) return;
      log_refusals_again = now + kBetweenRefusals;
    }
    LogEvent(
        LogLevel::kWarn,
        refusal.status == 0 ? "tls_handshake_refused" : "http_request_refused",
        {{"client", refusal.peer}, {"reason", refusal.reason}});
  }

  const std::function<void(std::string_view, int)> count_request;
  Endpoints endpoints;
  WebAccess access;
  std::vector<Address> addresses;
  std::mutex mutex;  // Guards what follows.
  Clock::time_point log_refusals_again;
  std::unique_ptr<SocketServer> sockets;  // Last: it uses the rest.
};

HttpServer::HttpServer(const HttpOptions& options, HttpHandlers handlers,
                       FileThread& file_thread)
    : impl_(std::make_unique<Impl>(options, std::move(handlers), file_thread)) {
}

HttpServer::~HttpServer() = default;

const std::vector<Address>& HttpServer::addresses() const {
  return impl_->addresses;
}

std::shared_ptr<const WebState> HttpServer::PrepareWebConfig(
    Clock::time_point deadline) {
  return impl_->access.Prepare(deadline);
}

void HttpServer::AdoptWebConfig(std::shared_ptr<const WebState> prepared) {
  impl_->access.Adopt(std::move(prepared));
}

}  // namespace gunicorn_exporter
