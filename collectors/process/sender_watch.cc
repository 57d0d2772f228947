#include "collectors/process/sender_watch.h"

#include <utility>

#include "collectors/app_status.h"

namespace gunicorn_exporter {

bool SenderWatch::IsDue(TimePoint now) const {
  return port_ != 0 &&
         (!looked_at_ || now - *looked_at_ >= std::chrono::minutes(1));
}

void SenderWatch::Look(SenderFinder& finder, TimePoint now) {
  looked_at_ = now;
  std::map<AppId, Socket> found;
  for (const auto& [app, peer] : finder.SendersTo(port_)) {
    const auto known = sockets_.find(app);
    found[app] = {ToString(peer),
                  known == sockets_.end() ? now : known->second.since};
  }
  sockets_ = std::move(found);
}

std::string SenderWatch::PeerOf(const AppId& app, TimePoint now) const {
  const auto socket = sockets_.find(app);
  if (socket == sockets_.end() || now - socket->second.since < kStatsdSilence) {
    return {};
  }
  return socket->second.peer;
}

}  // namespace gunicorn_exporter
