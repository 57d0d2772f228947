#include "collectors/process/sockets/lost_requests.h"

#include <sys/wait.h>

#include <csignal>
#include <utility>

namespace gunicorn_exporter {

bool HasEndedInBadOrder(int status) {
  if (WIFEXITED(status)) return WEXITSTATUS(status) != 0;
  if (!WIFSIGNALED(status)) return false;
  const int signal = WTERMSIG(status);
  return signal != SIGTERM && signal != SIGINT && signal != SIGQUIT;
}

void LostRequests::Watch(const std::map<AppId, AppSockets>& sockets,
                         const std::map<ProcessKey, TrackedProcess>& living) {
  std::map<ProcessKey, Busy> busy;
  for (const auto& [app, sampled] : sockets) {
    for (const auto& [worker, held] : sampled.by_worker) {
      const auto known = busy_.find(worker);
      const std::size_t requests = held.requests.count - held.requests.untold;
      if (requests > 0) {
        busy.emplace(worker,
                     Busy{app, requests, held.has_heartbeat.value_or(false),
                          known == busy_.end() ? ProcessEnd(worker.pid)
                                               : std::move(known->second.end)});
      } else if (known != busy_.end() && known->second.has_heartbeat &&
                 held.has_heartbeat &&
                 !(known->second.may_have_answered && *held.has_heartbeat)) {
        // It is exiting, until it has ended; or it has nothing in hand for the
        // first time, and the next sample tells whether it is exiting.
        known->second.may_have_answered = *held.has_heartbeat;
        busy.emplace(worker, std::move(known->second));
      }
    }
  }
  // Those that have ended, but whose parent has not waited for them.
  for (auto& [worker, ended] : busy_) {
    if (!living.contains(worker)) busy.emplace(worker, std::move(ended));
  }
  busy_ = std::move(busy);
}

std::map<AppId, std::uint64_t> LostRequests::Take(
    const std::map<ProcessKey, TrackedProcess>& living) {
  std::map<AppId, std::uint64_t> lost;
  std::erase_if(busy_, [&](const auto& entry) {
    const auto& [worker, busy] = entry;
    if (living.contains(worker)) return false;
    const auto status = busy.end.Status();
    if (status && HasEndedInBadOrder(*status) && !busy.may_have_answered) {
      lost[busy.app] += busy.requests;
    }
    return status || !busy.end.IsWatching();
  });
  return lost;
}

}  // namespace gunicorn_exporter
