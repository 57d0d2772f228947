#include "exporter/web/http_server.h"

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

// Beside the scrapes, so that probes are answered while all of those wait.
constexpr std::size_t kSpareThreads = 8;
// Where the number of scrapes has no limit.
constexpr std::size_t kMostThreads = 128;

SocketLimits LimitsFor(const HttpOptions& options) {
  SocketLimits limits;
  limits.max_connections = DescriptorShare(limits.max_connections);
  limits.max_threads =
      options.max_requests == 0 || options.max_requests > kMostThreads
          ? kMostThreads
          : options.max_requests + kSpareThreads;
  return limits;
}

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpOptions& options, HttpHandlers handlers)
      : endpoints(options, std::move(handlers)),
        access(options.web_config_file) {
    std::vector<Listener> listeners;
    for (const std::string& address : options.listen_addresses) {
      listeners.push_back(Listen(address));
      addresses.push_back(listeners.back().address);
    }
    sockets = std::make_unique<SocketServer>(
        std::move(listeners),
        [this](int socket) { return access.MakeTransport(socket); },
        [this](const std::string& head) { return Answer(head); },
        LimitsFor(options));
    for (const Address& address : addresses) {
      LogEvent(LogLevel::kInfo, "http_started",
               {{"address", FormatAddress(address)},
                {"tls", access.UsesTls() ? "true" : "false"}});
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

  Endpoints endpoints;
  WebAccess access;
  std::vector<Address> addresses;
  std::unique_ptr<SocketServer> sockets;  // Last: it uses the rest.
};

HttpServer::HttpServer(const HttpOptions& options, HttpHandlers handlers)
    : impl_(std::make_unique<Impl>(options, std::move(handlers))) {}

HttpServer::~HttpServer() = default;

const std::vector<Address>& HttpServer::addresses() const {
  return impl_->addresses;
}

std::string HttpServer::ReloadWebConfig() { return impl_->access.Reload(); }

}  // namespace gunicorn_exporter
