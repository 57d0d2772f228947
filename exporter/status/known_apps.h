// The apps that are checked, and whether what is said of them is of now.
#pragma once

#include <string>
#include <vector>

#include "collectors/app_status.h"

namespace gunicorn_exporter {

struct KnownApps {
  std::vector<AppStatus> apps;
  // Why the process table was not read just now, for people; then `apps` is
  // what it said last, or empty. Empty: it was.
  std::string trouble;
};

}  // namespace gunicorn_exporter
