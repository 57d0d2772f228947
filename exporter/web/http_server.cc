#include "exporter/web/http_server.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/base/descriptor_limit.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

// A flood of what is refused does not flood the log.
constexpr auto kBetweenRefusals = std::chrono::seconds(1);

// Connections at a time, where health alone is asked for.
constexpr std::size_t kProbes = 32;

}  // namespace

HttpServer::HttpServer(const Flags& flags, std::shared_ptr<const WebState> web,
                       HttpHandlers handlers, FileThread& file_thread,
                       std::vector<FileDescriptor> inherited)
    : endpoints_(flags, std::move(handlers)),
      access_(std::move(web), file_thread) {
  std::vector<Listener> listeners;
  listeners.reserve(inherited.size());
  for (FileDescriptor& socket : inherited) {
    listeners.push_back(Inherit(std::move(socket)));
  }
  if (listeners.empty()) {
    for (const std::string& address : flags.web_listen_addresses) {
      auto more = Listen(address, "web.listen_address");
      std::move(more.begin(), more.end(), std::back_inserter(listeners));
    }
  }
  std::vector<Listener> health_listeners;
  if (!flags.web_health_listen_address.empty()) {
    health_listeners =
        Listen(flags.web_health_listen_address, "web.health_listen_address");
  }
  Tell(listeners, access_.Tls() != nullptr);
  Tell(health_listeners, false);

  const auto refused = [this](const SocketRefusal& refusal) {
    OnRefused(refusal);
  };
  SocketLimits limits;
  limits.max_connections = DescriptorShare(limits.max_connections);
  sockets_.emplace(
      std::move(listeners),
      SocketHandlers{[this] { return access_.Tls(); },
                     [this](const std::string& head, const std::string& peer) {
                       return Answer(head, peer);
                     },
                     refused},
      limits);
  if (health_listeners.empty()) return;
  limits.max_connections = std::min(limits.max_connections, kProbes);
  health_sockets_.emplace(std::move(health_listeners),
                          SocketHandlers{nullptr,
                                         [this](const std::string& head,
                                                const std::string& /*peer*/) {
                                           return AnswerHealth(head);
                                         },
                                         refused},
                          limits);
}

void HttpServer::Tell(const std::vector<Listener>& listeners, bool has_tls) {
  for (const Listener& listener : listeners) {
    addresses_.push_back(listener.address);
    LogEvent(
        LogLevel::kInfo, "http_started",
        {{"address", listener.address}, {"tls", has_tls ? "true" : "false"}});
  }
}

SocketAnswer HttpServer::Answer(const std::string& head,
                                const std::string& peer) {
  return AnswerHttp(head, [&](const HttpRequest& request) {
    const Endpoint& endpoint = endpoints_.Find(request.path);
    std::optional<HttpResponse> refusal =
        access_.Refuse(request, peer, endpoint.kind == Endpoint::Kind::kProbe);
    HttpResponse response = refusal.has_value()
                                ? std::move(*refusal)
                                : endpoints_.Answer(endpoint, request);
    access_.AddHeaders(response);
    endpoints_.Count(endpoint.path, response.status);
    return response;
  });
}

SocketAnswer HttpServer::AnswerHealth(const std::string& head) {
  return AnswerHttp(head, [this](const HttpRequest& request) {
    const Endpoint* endpoint = &endpoints_.Find(request.path);
    if (endpoint->kind != Endpoint::Kind::kProbe &&
        endpoint->kind != Endpoint::Kind::kHealth) {
      endpoint = &endpoints_.Find("");
    }
    HttpResponse response = endpoints_.Answer(*endpoint, request);
    endpoints_.Count(endpoint->path, response.status);
    return response;
  });
}

void HttpServer::OnRefused(const SocketRefusal& refusal) {
  endpoints_.Count("refused", refusal.status);
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now < log_refusals_again_) return;
    log_refusals_again_ = now + kBetweenRefusals;
  }
  LogEvent(
      LogLevel::kWarn,
      refusal.status == 0 ? "tls_handshake_refused" : "http_request_refused",
      {{"client", refusal.peer}, {"reason", refusal.reason}});
}

}  // namespace gunicorn_exporter
