// The is_running check as JSON, for load balancers, people and other programs.
//
// GET /health, 200 when every app is OK, else 503:
//
//     {
//       "status": "ok",                  "ok" or "critical"
//       "apps": [                        by name; one that is configured and
//         {                              absent is there, critical
//           "app": "my_app",
//           "status": "ok",              "ok" or "critical"
//           "masters": 1,                upgrading ones included
//           "workers": {"idle": 3, "working": 1, "unknown": 0},
//           "message": "my_app: 1 master, 3 idle and 1 working workers"
//         }                              and, in brackets, what else to know
//       ]
//     }
//
// With process.pod_labels, an app of a container also has "pod_uid" and
// "container_id" where they are known.
//
// Where no app is known at all: 503, {"status": "critical", "apps": [],
// "message": "..."}. Where the process table is not read, or does not answer:
// 503 too, with what was known last and a "message".
//
// GET /health/APP is the same object with that app alone (several, where
// several containers run an app of that name); 404 where none is known, with an
// empty "apps" and a "message".
//
// Members are only ever added. Pure functions, safe from any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/app_status.h"
#include "collectors/process/process_thread.h"
#include "collectors/statsd/lines/line_examples.h"

namespace gunicorn_exporter {

// The apps that are checked, and whether what is said of them is of now.
struct KnownApps {
  std::vector<AppStatus> apps;
  // Why the process table was not read just now, for people; then `apps` is
  // what it said last, or empty. Empty: it was.
  std::string trouble;
  // Lines that are not gunicorn's or are wrong, for the status page.
  std::vector<LineExample> examples = {};
  // See NotesOfMachine.
  std::vector<std::string> notes{};
  bool others_are_hidden = false;  // Other users' processes.
};

KnownApps ToKnownApps(const ProcessThread::Answer& answer,
                      std::chrono::steady_clock::time_point now);

struct HealthAnswer {
  int http_status = 503;
  std::string json;  // One line and its newline.
};

HealthAnswer HealthOfAll(const KnownApps& known);

HealthAnswer HealthOfOne(const KnownApps& known, std::string_view name);

}  // namespace gunicorn_exporter
