// The apps that are checked, and whether what is said of them is of now.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "collectors/app_status.h"
#include "collectors/process/process_thread.h"

namespace gunicorn_exporter {

struct KnownApps {
  std::vector<AppStatus> apps;
  // Why the process table was not read just now, for people; then `apps` is
  // what it said last, or empty. Empty: it was.
  std::string trouble;
};

KnownApps ToKnownApps(const ProcessThread::Answer& answer,
                      std::chrono::steady_clock::time_point now);

}  // namespace gunicorn_exporter
