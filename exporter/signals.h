// The signals that steer the program, taken one at a time by the main thread.
#pragma once

namespace gunicorn_exporter {

enum class Signal {
  kStop,    // SIGTERM, SIGINT
  kReload,  // SIGHUP
};

// Blocks those signals in this thread and in every thread started from it, and
// ignores SIGPIPE. Call it before the first thread starts.
void BlockSignals();

// Waits for the next one.
Signal WaitForSignal();

// Asks the main thread to stop, as SIGTERM would. Any thread.
void RequestStop();

}  // namespace gunicorn_exporter
