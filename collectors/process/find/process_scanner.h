// One look at the process table: the processes that may be gunicorns, as
// snapshots, and the children of masters and the masters of workers, whatever
// they call themselves. Reads /proc/PID/stat, cmdline of those whose comm or
// signal handlers let them be a gunicorn, and environ of gunicorns without a
// title. Names of apps are valid UTF-8; a process that claims one over 4 KiB is
// left out and counted (ProcReader, "too_long").
//
// To open a file of every process is what a scan costs. Who has been no
// gunicorn for a minute is looked at in every twelfth scan only: a script that
// becomes one after hours is found within two minutes, or at once by the
// workers that it starts.
//
// Without a title and with a command line of its own (a program that embeds
// gunicorn, a link of another name), it is proven to be a gunicorn where it is
// a Python with a master's signal handlers that has forked a child with a
// worker's. No name is known of it.
//
// Thread rule: one thread at a time. A process that vanishes in mid-read is
// left out, and so is one that cannot be read for want of descriptors: see
// ProcReader::TakeShortage.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "collectors/app_status.h"
#include "collectors/process/find/process_snapshot.h"
#include "collectors/process/read/proc_reader.h"

namespace gunicorn_exporter {

struct ProcessTable {
  bool readable = false;
  bool complete = false;      // Not where descriptors or memory ran out.
  std::size_t processes = 0;  // All of the machine's.
  std::vector<ProcessSnapshot> candidates;
  std::vector<UnnamedGunicorn> unnamed;
};

class ProcessScanner {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `reader` must outlive the scanner.
  explicit ProcessScanner(ProcReader& reader) : reader_(reader) {}

  // `known` are processes that are looked at whatever they call themselves by
  // now: masters, and workers, which may outlive them. `old`: which of those
  // that have been none for a minute are looked at.
  enum class Old { kInTurn, kAll };
  ProcessTable Scan(TimePoint now, const std::set<pid_t>& known = {},
                    Old old = Old::kInTurn);

  // A known worker: its stat alone is read anew.
  std::optional<ProcessSnapshot> Refresh(const ProcessSnapshot& known);

  // One process, whatever its comm says; nothing when it is gone, or neither
  // its title nor its command line is a gunicorn's.
  std::optional<ProcessSnapshot> LookAt(pid_t pid) {
    return Look(pid, Wanted::kGunicorn);
  }

  // One process, whatever it calls itself; nothing when it is gone.
  std::optional<ProcessSnapshot> LookAtAny(pid_t pid) {
    return Look(pid, Wanted::kAny);
  }

  // The children that the process itself forked (its first thread).
  std::vector<pid_t> Children(pid_t pid);

 private:
  enum class Wanted {
    kAny,
    kGunicorn,  // By its title or its command line.
    // The same whose comm lets it be one; or by its signal handlers a master.
    kLikely,
  };
  std::optional<ProcessSnapshot> Look(pid_t pid, Wanted wanted);
  // Masters that are old, or call themselves something else; and what masters
  // have forked.
  void AddParents(std::vector<ProcessSnapshot>& candidates,
                  std::set<pid_t>& looked_at);
  void AddChildren(std::vector<ProcessSnapshot>& candidates,
                   std::set<pid_t>& looked_at);
  bool IsUnnamedGunicorn(const ProcessSnapshot& process);

  struct Watched {
    pid_t pid = 0;
    TimePoint since;  // It came, or may have been a gunicorn's.
  };
  std::vector<Watched> WatchedProcesses(TimePoint now);

  ProcReader& reader_;
  std::vector<pid_t> pids_;  // As the table lists them.
  // Of the last scan that could read the whole table.
  std::vector<Watched> processes_;  // By pid.
  TimePoint last_scan_;
  unsigned scans_ = 0;  // All of these.
};

}  // namespace gunicorn_exporter
