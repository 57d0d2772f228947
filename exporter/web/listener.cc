#include "exporter/web/listener.h"

#include <utility>

#include "config/base/listen.h"

namespace gunicorn_exporter {

std::vector<Listener> Listen(const std::string& address) {
  std::vector<Listener> listeners;
  for (FileDescriptor& socket :
       BindInternet(InternetSocket::kTcp, address, "web.listen_address")) {
    const Address bound = ParseAddress(LocalAddress(socket)).value();
    listeners.push_back({std::move(socket), bound});
  }
  return listeners;
}

}  // namespace gunicorn_exporter
