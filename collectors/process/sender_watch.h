// Which apps have had a UDP socket to the port that StatsD is received at, and
// for how long: who should be heard.
//
// Costs: once a minute what SenderFinder costs for one sender of each app.
// Thread rule: one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "collectors/app_id.h"
#include "collectors/process/sender_finder.h"

namespace gunicorn_exporter {

class SenderWatch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // 0, as at first: nobody asks.
  void SetPort(std::uint16_t port) { port_ = port; }
  bool IsDue(TimePoint now) const;
  void Look(SenderFinder& finder, TimePoint now);
  // Where the app's socket has been connected to for kStatsdSilence; else
  // empty.
  std::string PeerOf(const AppId& app, TimePoint now) const;

 private:
  struct Socket {
    std::string peer;
    TimePoint since;
  };

  std::uint16_t port_ = 0;
  std::map<AppId, Socket> sockets_;  // By the last look.
  std::optional<TimePoint> looked_at_;
};

}  // namespace gunicorn_exporter
