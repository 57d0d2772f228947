// What the signals that a process has handlers for tell of it, whatever it
// calls itself. A gunicorn's master has handlers for ten. A worker resets them
// first of all, but for TTIN and TTOU, which it keeps as they are.
//
// Source: gunicorn's arbiter.py (SIGNALS, init_signals), workers/base.py
// (init_signals).
//
// Pure functions. `caught` as in ProcStat.
#pragma once

#include <csignal>
#include <cstdint>
#include <initializer_list>

namespace gunicorn_exporter {

constexpr bool CatchesAll(std::uint64_t caught,
                          std::initializer_list<int> signals) {
  for (const int signal : signals) {
    if ((caught >> (signal - 1) & 1) == 0) return false;
  }
  return true;
}

// All of a master's: no other program is known that has them.
constexpr bool HasHandlersOfMaster(std::uint64_t caught) {
  return CatchesAll(caught, {SIGHUP, SIGQUIT, SIGINT, SIGTERM, SIGTTIN, SIGTTOU,
                             SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD});
}

// Those that every worker keeps. A master has them, too.
constexpr bool KeepsHandlersOfWorker(std::uint64_t caught) {
  return CatchesAll(caught, {SIGTTIN, SIGTTOU});
}

constexpr bool HasHandlersOfWorker(std::uint64_t caught) {
  return KeepsHandlersOfWorker(caught) && !CatchesAll(caught, {SIGUSR2});
}

}  // namespace gunicorn_exporter
