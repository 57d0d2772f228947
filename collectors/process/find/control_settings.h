// The settings of masters that have a control socket (control_socket.h), where
// it may be opened. Each master is asked once and never again, so what a reload
// of its configuration changes is not seen.
//
// Which socket is a master's: a listening one whose file is called "*.ctl" and
// which is among its descriptors; where these may not be read, one called
// "gunicorn.ctl", as each default of gunicorn's is. The kernel has to confirm
// it before anything is sent.
//
// What asking could do to a master: it stops its control server before it
// forks, and from Python 3.12 on waits for the server's connections then, for
// two seconds at most. So a master is asked when it has forked nothing for a
// while, and the connection lives kPatience at most.
//
// Thread rule: one thread at a time; a question waits for its answer in a
// thread of its own, one at a time.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "collectors/process/app_registry.h"
#include "collectors/process/find/background_answer.h"
#include "collectors/process/find/gunicorn_command.h"
#include "collectors/process/read/proc_reader.h"
#include "config/base/file_descriptor.h"

namespace gunicorn_exporter {

class ControlSettings {
 public:
  static constexpr double kQuietSeconds = 3;
  static constexpr std::chrono::milliseconds kPatience{2000};

  // `reader` must outlive this. An answer has to come within `patience`.
  explicit ControlSettings(ProcReader& reader,
                           std::chrono::milliseconds patience = kPatience)
      : reader_(reader), patience_(patience), is_usable_(reader.HasOwnPids()) {}

  // To be called now and then. Takes an answer that has come, and asks the next
  // master. `boot_seconds`: now, since the boot.
  void Ask(const std::map<ProcessKey, TrackedProcess>& processes,
           double boot_seconds);

  // Adds what the process's master has told to what its command line has.
  void Complete(GunicornProcess& process) const;

 private:
  using Answer = std::optional<GunicornSettings>;

  std::vector<FileDescriptor> OpenSockets(pid_t master);

  ProcReader& reader_;
  const std::chrono::milliseconds patience_;
  const bool is_usable_;  // Pids mean the same here and in the table.
  std::map<ProcessKey, Answer> asked_;
  BackgroundAnswer<ProcessKey, Answer> answer_;
};

}  // namespace gunicorn_exporter
