// What a gunicorn process calls itself, by setproctitle, in /proc/PID/cmdline:
//
//     gunicorn: master [my_app]
//     gunicorn: master [my_app.2]     the next master of an upgrade (USR2), or
//                                     an app that is called so
//     gunicorn: master [my_app] [v1.2]  what a framework adds is none of the
//                                     name, and may change
//     gunicorn: master my_app [busy]
//     gunicorn: worker [my_app]
//     gunicorn: dirty-arbiter         gunicorn 25 and later, without an app
//     gunicorn: dirty-worker [my_app]
//
// A title is padded with NULs up to the length of the command line it replaces.
// Source: gunicorn's util._setproctitle, arbiter.py, dirty/arbiter.py.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace gunicorn_exporter {

enum class TitleKind : std::uint8_t {
  kNone,  // Not a title of gunicorn's.
  kMaster,
  kWorker,
  kDirtyArbiter,
  kDirtyWorker,
};

struct GunicornTitle {
  TitleKind kind = TitleKind::kNone;
  // Borrowed from the text: what stands in the pair of brackets that leads, up
  // to a "]" that ends the title or has a blank behind it, so that an app may
  // be called "a]b"; a title that the kernel cut short has none: then what is
  // left. Where no bracket leads, the text up to the next one. Empty for a
  // dirty arbiter.
  std::string_view app;
};

// `cmdline` as read, NULs included.
GunicornTitle ParseGunicornTitle(std::string_view cmdline);

// Is this the name of a Python: "python3.11", "pypy3"?
bool IsPython(std::string_view program);

// Could a process with this comm (in /proc/PID/stat, cut at 15 bytes) be a
// gunicorn, titled or not? A filter that spares reading the command line of
// every process of the machine: "gunicorn: maste", "gunicorn", "python3.11".
bool MayBeGunicorn(std::string_view comm);

}  // namespace gunicorn_exporter
