#include "exporter/web/http_server.h"

#include <algorithm>
#include <iterator>
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

// Connections at a time, where health alone is asked for.
constexpr std::size_t kProbes = 32;

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpOptions& options, HttpHandlers handlers,
       FileThread& file_thread, std::vector<FileDescriptor> inherited)
      : count_request(handlers.count_request),
        endpoints(options, std::move(handlers)),
        access(options.web, file_thread) {
    std::vector<Listener> listeners;
    listeners.reserve(inherited.size());
    for (FileDescriptor& socket : inherited) {
      listeners.push_back(Inherit(std::move(socket)));
    }
    if (listeners.empty()) {
      for (const std::string& address : options.listen_addresses) {
        Append(Listen(address, "web.listen_address"), listeners);
      }
    }
    std::vector<Listener> health_listeners;
    if (!options.health_listen_address.empty()) {
      Append(Listen(options.health_listen_address, "web.health_listen_address"),
             health_listeners);
    }
    const bool has_tls = access.Tls() != nullptr;
    Tell(listeners, has_tls);
    Tell(health_listeners, false);
    const auto refused = [this](const SocketRefusal& refusal) {
      OnRefused(refusal);
    };
    SocketLimits limits;
    limits.max_connections = DescriptorShare(limits.max_connections);
    sockets = std::make_unique<SocketServer>(
        std::move(listeners),
        SocketHandlers{
            [this] { return access.Tls(); },
            [this](const std::string& head, const std::string& peer) {
              return Answer(head, peer);
            },
            refused},
        limits);
    if (health_listeners.empty()) return;
    limits.max_connections = std::min(limits.max_connections, kProbes);
    health_sockets = std::make_unique<SocketServer>(
        std::move(health_listeners),
        SocketHandlers{
            nullptr,
            [this](const std::string& head, const std::string& /*peer*/) {
              return AnswerHealth(head);
            },
            refused},
        limits);
  }

  static void Append(std::vector<Listener> more, std::vector<Listener>& all) {
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }

  void Tell(const std::vector<Listener>& listeners, bool has_tls) {
    for (const Listener& listener : listeners) {
      addresses.push_back(listener.address);
      LogEvent(
          LogLevel::kInfo, "http_started",
          {{"address", listener.address}, {"tls", has_tls ? "true" : "false"}});
    }
  }

  SocketAnswer AnswerHealth(const std::string& head) {
    return AnswerHttp(head, [this](const HttpRequest& request) {
      Endpoint endpoint = endpoints.Find(request.path);
      if (endpoint != Endpoint::kHealthy && endpoint != Endpoint::kReady &&
          endpoint != Endpoint::kHealth && endpoint != Endpoint::kHealthOfApp) {
        endpoint = Endpoint::kUnknown;
      }
      HttpResponse response = endpoints.Answer(endpoint, request);
      endpoints.Count(endpoint, response.status);
      return response;
    });
  }

  SocketAnswer Answer(const std::string& head, const std::string& peer) {
    return AnswerHttp(head, [this, &peer](const HttpRequest& request) {
      const Endpoint endpoint = endpoints.Find(request.path);
      const bool probe =
          endpoint == Endpoint::kHealthy || endpoint == Endpoint::kReady;
      std::optional<HttpResponse> refusal = access.Refuse(request, peer, probe);
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
  std::vector<std::string> addresses;
  std::mutex mutex;  // Guards what follows.
  Clock::time_point log_refusals_again;
  // Last: they use the rest.
  std::unique_ptr<SocketServer> sockets;
  std::unique_ptr<SocketServer> health_sockets;
};

HttpServer::HttpServer(const HttpOptions& options, HttpHandlers handlers,
                       FileThread& file_thread,
                       std::vector<FileDescriptor> inherited)
    : impl_(std::make_unique<Impl>(options, std::move(handlers), file_thread,
                                   std::move(inherited))) {}

HttpServer::~HttpServer() = default;

const std::vector<std::string>& HttpServer::addresses() const {
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
