// From processes to gunicorns: who is a master, and whose worker is who.
//
// A master is titled so ("gunicorn: master [my_app]"), or has gunicorn's
// command line where titles are not set, and is no fork of another master: that
// one has not changed its title yet, or is a helper that a preloaded app forked
// off.
// Once known it stays one while it has a master's signal handlers, whatever it
// calls itself by then; and who has them is one where a child says that it is a
// worker, by whose name it goes.
// `[my_app.2]` is the next master of an upgrade where its parent is a master of
// my_app, or was one when we last looked: it keeps the title for a second after
// the old master has gone. Else it is an app that is called so. Without titles,
// the next master is a child that was started anew.
//
// A worker is a child that its master forked, whatever it calls itself:
// frameworks set titles of their own. None is who is still titled master, and,
// where the title does not say "worker", who still has the master's signal
// handlers: gunicorn resets them first of all in a worker, and a helper keeps
// them. Nor is who has gunicorn's command line and not even the handlers that a
// worker keeps: a helper from before the master had any (an import with
// --preload, the configuration file). A child of a worker is nobody, and so is
// the next master while it is still importing. Of an untitled app with
// --dirty-app, the child that has children itself is the dirty arbiter.
//
// A worker whose master is gone is an orphan: one that says so, or one that was
// a worker when we last looked.
//
// Pure functions, safe from any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/process/find/process_snapshot.h"

namespace gunicorn_exporter {

enum class ProcessRole {
  kMaster,
  kWorker,
  kOrphan,  // A worker that outlived its master.
  kDirtyArbiter,
  kDirtyWorker,
};

struct GunicornProcess {
  ProcessSnapshot process;
  ProcessRole role = ProcessRole::kMaster;
  std::string app;    // Of its master; an upgrading master's is the old one's.
  ProcessKey master;  // Itself for a master and for an orphan.
  bool upgrading = false;  // A master that an older master is still above.
  bool titled = true;
  GunicornSettings settings;  // Of its master, where they are told.
};

// What was found at the last look, with the names of their apps.
struct KnownGunicorns {
  std::map<ProcessKey, std::string> upgrading;  // Masters.
  std::map<ProcessKey, std::string> workers;    // Orphans included.
  std::map<ProcessKey, std::string> masters;    // The others.
};

// Is it a worker by what it says: titled so, or a fork with gunicorn's command
// line and a worker's signal handlers?
bool SaysWorker(const ProcessSnapshot& process);

// The gunicorn processes among `candidates`, masters first, each with its app.
// Zombies are left out.
std::vector<GunicornProcess> FindGunicorns(
    std::vector<ProcessSnapshot> candidates, const KnownGunicorns& known);

}  // namespace gunicorn_exporter
