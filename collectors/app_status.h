// The is_running check of one app, as /health, `check` and the status page tell
// it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "collectors/app_id.h"

namespace gunicorn_exporter {

struct AppStatus {
  AppId app;
  bool configured = false;  // An `instances` entry; else it was discovered.
  std::size_t Workers() const { return idle + working + unknown; }
  // OK: a master with at least one worker.
  bool ok = false;
  std::size_t masters = 0;  // Upgrading ones included.
  std::size_t idle = 0;
  std::size_t working = 0;
  // Burning no CPU, and whose connections are theirs cannot be told.
  std::size_t unknown = 0;
  // Workers whose master is gone. They are none of the above.
  std::vector<pid_t> orphans;
  // A gunicorn without setproctitle: found by its command line.
  bool titled = true;
  // The class in the command line or GUNICORN_CMD_ARGS of a gunicorn without a
  // title ("gthread", "uvicorn.workers.UvicornWorker"); else empty.
  std::string worker_class;
  // What its StatsD lines carry where that is not its name, for people:
  // `the prefix "superset"`; empty: its name, nothing, or not known.
  std::string lines_carry;
  // What its requests wait for, where one has waited for a second: "8 requests
  // wait for 10.0.0.5:5432, the oldest for 12 s"; else empty.
  std::string waits;
  // "my_app: 1 master, 3 idle and 1 working workers", or why it is CRITICAL:
  // "Found no master process with name: gunicorn: master [my_app]". With the
  // orphans, and `waits`, behind a ';'.
  std::string message;
};

}  // namespace gunicorn_exporter
