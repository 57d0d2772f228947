// Requests that a worker had in hand when it ended without answering them.
//
// What it had in hand is the last sample's account (connection_sampler.h), so a
// worker that lives shorter than a sample is missed, and an answer between that
// sample and the end goes unnoticed. Connections that only may have a request
// (an event loop's on a unix socket) are left out: most of them wait for the
// next one. How it ended is the kernel's account (process_end.h). A worker that
// exits closes its connections before it ends, and its heartbeat file right
// after them: then the account from before is kept, also where a sample comes
// in between and only the next one proves it. A worker that stops in good order
// answers first, and exits with 0. SIGTERM, SIGINT and SIGQUIT may also be how
// one ends that has stopped in good order (uvicorn raises the signal anew), so
// they prove nothing.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>

#include "collectors/process/app_registry.h"
#include "collectors/process/read/process_end.h"
#include "collectors/process/sockets/connection_sampler.h"

namespace gunicorn_exporter {

// `status` as waitpid(2) gives it.
bool HasEndedInBadOrder(int status);

class LostRequests {
 public:
  // `living`: the processes that are there.

  // To be called after each sample.
  void Watch(const std::map<AppId, AppSockets>& sockets,
             const std::map<ProcessKey, TrackedProcess>& living);

  // The requests of the workers that have ended since the last call.
  std::map<AppId, std::uint64_t> Take(
      const std::map<ProcessKey, TrackedProcess>& living);

 private:
  struct Busy {
    AppId app;
    std::uint64_t requests = 0;
    bool has_heartbeat = false;
    ProcessEnd end;
    // Its connections are closed, and its heartbeat file is not.
    bool may_have_answered = false;
  };

  std::map<ProcessKey, Busy> busy_;
};

}  // namespace gunicorn_exporter
