// What each call of the program does; the result is the exit code. All throw
// ConfigError for a configuration that cannot work.
#pragma once

#include "config/config.h"

namespace gunicorn_exporter {

// Serves until SIGTERM or SIGINT.
int Serve(const Flags& flags);

// `check`: prints the page of check.h for the process table as it is.
int CheckInstances(const Flags& flags);

// `--config.check`: 0, or the error on stderr, without a prefix, and 1.
int CheckConfiguration(const Flags& flags);

}  // namespace gunicorn_exporter
