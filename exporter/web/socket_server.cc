#include "exporter/web/socket_server.h"

#include <utility>

#include "exporter/web/socket_loop.h"

namespace gunicorn_exporter {

SocketServer::SocketServer(std::vector<Listener> listeners,
                           TransportFactory make_transport, Handler handler,
                           const SocketLimits& limits)
    : loop_(std::make_unique<SocketLoop>(std::move(listeners),
                                         std::move(make_transport),
                                         std::move(handler), limits)) {}

SocketServer::~SocketServer() = default;

}  // namespace gunicorn_exporter
