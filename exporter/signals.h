// The signals that steer the program, taken one at a time by the main thread.
#pragma once

#include <chrono>
#include <optional>

namespace gunicorn_exporter {

enum class Signal {
  kStop,    // SIGTERM, SIGINT
  kReload,  // SIGHUP
};

// Blocks those signals in this thread and in every thread started from it, and
// ignores SIGPIPE. Call it before the first thread starts.
void BlockSignals();

// Lets SIGTERM and SIGINT end the program for as long as this lives: while the
// start waits for a file. No thread may be started meanwhile.
class UnblockedStop {
 public:
  UnblockedStop();
  UnblockedStop(const UnblockedStop&) = delete;
  UnblockedStop& operator=(const UnblockedStop&) = delete;
  ~UnblockedStop();
};

// Waits for the next one; nothing where none has come by the deadline.
std::optional<Signal> WaitForSignal(
    std::chrono::steady_clock::time_point deadline);

// Asks the main thread to stop, as SIGTERM would. Any thread.
void RequestStop();

}  // namespace gunicorn_exporter
