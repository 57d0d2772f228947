// The is_running check of one app, as /health, `check` and the status page tell
// it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectors/app_id.h"

namespace gunicorn_exporter {

// An app whose StatsD socket has been open and whose lines have not come for so
// long is worth a hint.
inline constexpr std::chrono::minutes kStatsdSilence{5};

// The `state` label.
enum class WorkerState : std::uint8_t { kIdle, kWorking, kUnknown };

struct WorkerStatus {
  pid_t pid = 0;
  WorkerState state = WorkerState::kIdle;
  // Requests that it has in hand, where its connections are told.
  std::optional<std::size_t> requests_in_progress;
  // How long the oldest of them has waited, where that is told; 0: none.
  std::optional<double> oldest_request_seconds;
};

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
  // By pid. Nothing of those of whom it is not known what each one does: where
  // only the app is known to have the connections.
  std::vector<WorkerStatus> worker_list;
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
  // Where a UDP socket of its has been connected to for kStatsdSilence, where
  // that is the port that StatsD is received at: "127.0.0.1:8125"; else empty.
  std::string statsd_socket;
  // What its requests wait for, where one has waited for a second: "8 requests
  // wait for 10.0.0.5:5432, the oldest for 12 s"; else empty.
  std::string waits;
  // "my_app: 1 master, 3 idle and 1 working workers", or why it is CRITICAL:
  // "Found no master process with name: gunicorn: master [my_app]". With the
  // orphans, and `waits`, behind a ';'.
  std::string message;
  // What a person should know besides, each a short sentence.
  std::vector<std::string> notes;
  // Absent, where other users' processes cannot be seen.
  bool may_be_hidden = false;
};

// A gunicorn whose name nothing tells: it sets no title, and its command line
// is another program's.
struct UnnamedGunicorn {
  pid_t pid = 0;
  std::string command_line;  // For people, cut short.
};

}  // namespace gunicorn_exporter
