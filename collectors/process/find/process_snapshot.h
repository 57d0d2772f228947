// One process that may be part of a gunicorn, as one look at it found it.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "collectors/process/find/gunicorn_command.h"
#include "collectors/process/find/gunicorn_title.h"

namespace gunicorn_exporter {

// A process that cannot be mistaken for a later one with the same pid.
struct ProcessKey {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // Clock ticks since boot.

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const ProcessKey&) const = default;
};

struct ProcessSnapshot {
  ProcessKey key;
  pid_t ppid = 0;
  bool zombie = false;  // Ended; its parent has not waited for it.
  // Forked and still the program of its parent: what a worker is, and what the
  // next master of an upgrade, which is started anew, is not.
  bool forked_only = false;
  std::uint64_t caught_signals = 0;  // As in ProcStat.
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  std::uint64_t threads = 0;
  std::uint64_t resident_pages = 0;

  TitleKind title = TitleKind::kNone;
  std::string title_app;  // As the title says it: "my_app.2".
  // Without a title: the command line, and what it says of gunicorn.
  std::string cmdline;
  std::optional<GunicornCommand> command;
};

}  // namespace gunicorn_exporter
