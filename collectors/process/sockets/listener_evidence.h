// Which app accepts on which listening socket, where no descriptor may be read
// and several apps of one user run?
//
// By elimination. A connection that is new at a socket's address was accepted
// by a process that was given a processor since the look before
// (/proc/PID/schedstat, which needs no right). So an app none of whose workers
// ran meanwhile is not the one. When one app alone is left after kLooks such
// looks, it is the owner, until it did not run either while something was
// accepted: then all begins again. What nobody of them accepted from, such as a
// foreign server of the same user, gets no owner in the end.
//
// What remains wrong: apps that always run together are never told apart, and
// an app without clients is told nothing about.
//
// Pure. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "collectors/app_id.h"

namespace gunicorn_exporter {

class ListenerEvidence {
 public:
  static constexpr int kLooks = 2;

  // The app that accepts from the listening socket of that inode.
  std::optional<AppId> OwnerOf(std::uint64_t listener) const;

  // One look. `accepted`: the connections at its address now. `suspects`: the
  // apps that it may be of. `ran`: did a worker of this app run since the look
  // before? Asked only where something is new.
  void See(std::uint64_t listener, std::set<std::uint64_t> accepted,
           const std::set<AppId>& suspects,
           const std::function<bool(const AppId&)>& ran);

  // Drops all but these listeners.
  void Keep(const std::set<std::uint64_t>& listeners);

 private:
  struct File {
    std::set<std::uint64_t> accepted;  // At the last look.
    std::set<AppId> cleared;           // It is not theirs.
    int looks = 0;                     // At which something was new.
    std::optional<AppId> owner;
  };

  std::map<std::uint64_t, File> files_;  // By the listener's inode.
};

}  // namespace gunicorn_exporter
