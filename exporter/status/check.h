// `gunicorn_exporter check`: what an agent's status page says of the gunicorn
// check, and its exit code.
//
//     Checks
//     ======
//
//       gunicorn (1.0.0)
//       ----------------
//         - instance #0 [OK]: my_app: 1 master, 3 idle and 1 working workers
//         - instance #1 [ERROR]: 'Found no master process with name: gunicorn:
//         master [other]'
//         - Collected 2 metrics, 0 events & 2 service checks
//
// Where no process has the title that an instance waits for, the gunicorns that
// run without one are named behind its sentence: one of them may be it. What
// else to know of an app stands there, too, and what to know of the machine on
// lines of its own.
//
// Pure functions.
#pragma once

#include <string>
#include <vector>

#include "collectors/app_status.h"

namespace gunicorn_exporter {

inline constexpr int kExitOk = 0;
inline constexpr int kExitBadConfiguration = 1;
inline constexpr int kExitCritical = 2;
inline constexpr int kExitUnknown = 3;

// `apps` are those to check; `strangers` run here and are none of them.
// `notes` are the machine's (NotesOfMachine), `version` is the exporter's, as
// the agents print their check's.
std::string FormatCheck(const std::vector<AppStatus>& apps,
                        const std::vector<AppStatus>& strangers,
                        const std::vector<std::string>& notes,
                        const std::string& version);

// 0 all OK, 2 any CRITICAL, 3 no app at all, or none but those that are OK and
// those that may be hidden.
int CheckExitCode(const std::vector<AppStatus>& apps);

}  // namespace gunicorn_exporter
