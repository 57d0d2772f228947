#include "exporter/web/listener.h"

#include <utility>

#include "config/base/address.h"
#include "config/base/listen.h"

namespace gunicorn_exporter {

std::vector<Listener> Listen(const std::string& address,
                             const std::string& setting) {
  std::vector<Listener> listeners;
  if (address.starts_with("unix:")) {
    auto path = std::make_unique<UnixSocket>(UnixSocketKind::kStream,
                                             UnixSocketPath(address, setting),
                                             std::nullopt, setting);
    FileDescriptor socket = path->TakeSocket();
    listeners.push_back({std::move(socket), address, std::move(path)});
    return listeners;
  }
  for (FileDescriptor& socket :
       BindInternet(InternetSocket::kTcp, address, setting)) {
    listeners.push_back(Inherit(std::move(socket)));
  }
  return listeners;
}

Listener Inherit(FileDescriptor socket) {
  std::string address = LocalAddress(socket);
  return {std::move(socket), std::move(address), nullptr};
}

}  // namespace gunicorn_exporter
