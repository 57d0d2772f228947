// What a person should know of an app beside its numbers, as short sentences:
//
// - of one that is absent: "these run: my_app" where a name is near its own,
//   and that other users' processes cannot be seen, where that is so;
// - of several gunicorns of one name on one machine: which they are and where
//   they listen. An upgrade is none, and containers are what makes many of one
//   name;
// - that one of them has gone, until as many run as before, or for
//   `discovery.forget_after`.
//
// Pure: no I/O, time is given in. Thread rule: one thread at a time.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "collectors/process/find/master_facts.h"
#include "collectors/process/process_view.h"
#include "collectors/process/sockets/connection_sampler.h"

namespace gunicorn_exporter {

// Could one of these names be meant by the other? Their letters and digits are
// the same, one holds the other, or one in four differs at most.
bool AreNear(std::string_view left, std::string_view right);

class AppNotes {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // After each sample.
  void Update(const std::map<ProcessKey, TrackedProcess>& processes,
              const std::map<AppId, AppSockets>& sockets,
              MasterFactsReader& facts, TimePoint now,
              std::chrono::milliseconds forget_after);

  // Writes the notes of all apps of the view. `strangers` are the names of
  // gunicorns that run and are none of them.
  void Write(ProcessView& view, const std::set<std::string>& strangers) const;

 private:
  // Those of one name.
  struct Gunicorns {
    std::set<pid_t> masters;
    std::set<std::string> addresses;  // Of all of them, where they are known.
  };
  struct Loss {
    Gunicorns before;
    TimePoint at;
  };

  std::map<AppId, Gunicorns> gunicorns_;
  std::map<AppId, Loss> losses_;
};

}  // namespace gunicorn_exporter
