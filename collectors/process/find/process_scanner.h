// One look at the process table: the processes that may be gunicorns, as
// snapshots, and the children of masters whatever they call themselves. Reads
// /proc/PID/comm of all, cmdline and stat of those whose comm lets them be a
// gunicorn, and environ and status of gunicorns without a title. Names of
// apps are valid UTF-8; a process that claims one over 4 KiB is left out and
// counted (ReadErrors, "too_long").
//
// Thread rule: one thread at a time. A process that vanishes in mid-read is
// left out, and so is one that cannot be read for want of descriptors: see
// ProcReader::TakeShortage.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "collectors/process/find/process_snapshot.h"
#include "collectors/process/read/proc_reader.h"

namespace gunicorn_exporter {

struct ProcessTable {
  bool readable = false;
  bool complete = false;      // Not where descriptors or memory ran out.
  std::size_t processes = 0;  // All of the machine's.
  std::vector<ProcessSnapshot> candidates;
};

class ProcessScanner {
 public:
  // `reader` must outlive the scanner.
  explicit ProcessScanner(ProcReader& reader) : reader_(reader) {}

  // The whole table. `known` are processes that are looked at whatever they
  // call themselves by now: workers, which may outlive their master.
  ProcessTable ScanAll(const std::set<pid_t>& known = {});

  // A known worker: its stat alone is read anew.
  std::optional<ProcessSnapshot> Refresh(const ProcessSnapshot& known);

  // One process, whatever its comm says; nothing when it is gone, or neither
  // its title nor its command line is a gunicorn's.
  std::optional<ProcessSnapshot> LookAt(pid_t pid) { return Look(pid, false); }

  // One process, whatever it calls itself; nothing when it is gone.
  std::optional<ProcessSnapshot> LookAtAny(pid_t pid) {
    return Look(pid, true);
  }

  // The children that the process itself forked (its first thread).
  std::vector<pid_t> Children(pid_t pid);

 private:
  std::optional<ProcessSnapshot> Look(pid_t pid, bool any);
  // Reads stat into the snapshot; false when the process is gone.
  bool ReadStat(pid_t pid, ProcessSnapshot& process);

  ProcReader& reader_;
  std::vector<pid_t> pids_;
};

}  // namespace gunicorn_exporter
