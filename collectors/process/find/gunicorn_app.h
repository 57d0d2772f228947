// From processes to gunicorns: who is a master, and whose worker is who.
//
// With titles, a master is a process titled so, unless its parent is a master
// of the same name: then it was forked a moment ago and has not changed its
// title yet. `[my_app.2]` is the next master of an upgrade where its parent is
// a master of my_app, or was one when we last looked: it keeps the title for a
// second after the old master has gone. Else it is an app that is called so.
// A worker is a child of a master that is titled worker. A child of a worker, a
// helper that a preloaded app forked off the master, and the next master while
// it is still importing are nobody.
//
// Without titles, all of a gunicorn's processes have one command line. A worker
// is a forked child of a master; a child that was started anew is the next
// master of an upgrade. Of an app with --dirty-app, the child that has children
// itself is the dirty arbiter. A helper that was forked off the master cannot
// be told from a worker here.
//
// Pure functions, safe from any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "collectors/process/find/process_snapshot.h"

namespace gunicorn_exporter {

enum class ProcessRole {
  kMaster,
  kWorker,
  kDirtyArbiter,
  kDirtyWorker,
};

struct GunicornProcess {
  ProcessSnapshot process;
  ProcessRole role = ProcessRole::kMaster;
  std::string app;    // Of its master; an upgrading master's is the old one's.
  ProcessKey master;  // Itself for a master.
  bool upgrading = false;  // A master that an older master is still above.
  bool titled = true;
  std::string worker_class;  // Where the command line tells it.
};

// Masters that were upgrading when we last looked, and their app's name.
using UpgradingMasters = std::map<ProcessKey, std::string>;

// The gunicorn processes among `candidates`, masters first, each with its app.
// Zombies are left out.
std::vector<GunicornProcess> FindGunicorns(
    std::vector<ProcessSnapshot> candidates, const UpgradingMasters& upgrading);

}  // namespace gunicorn_exporter
