// The text of files below /proc/PID, as fields. Formats: proc(5).
//
// Pure functions: no I/O, no clock, safe from any thread. Each takes any bytes
// and answers with nothing where they are not the file that it knows.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace gunicorn_exporter {

// What we use of /proc/PID/stat.
struct ProcStat {
  pid_t pid = 0;
  // Borrowed from the text; at most 15 bytes, and any of them: "a) S 1".
  std::string_view comm;
  char state = 0;  // R, S, D, Z (ended, not yet waited for), X, ...
  pid_t ppid = 0;
  // PF_FORKNOEXEC: forked, and still the program of its parent.
  bool forked_only = false;
  std::uint64_t user_ticks = 0;    // Its own CPU time, all threads,
  std::uint64_t system_ticks = 0;  // in clock ticks (sysconf _SC_CLK_TCK).
  std::uint64_t threads = 0;
  std::uint64_t start_time = 0;  // Clock ticks since boot.
  std::uint64_t resident_pages = 0;
  // The signals that it has handlers for: bit N-1 is signal N's, up to 31.
  // 0 where the text ends before them.
  std::uint64_t caught_signals = 0;
};

//     8785 (gunicorn: worke) S 8784 8781 1519 0 -1 4194368 ...
//           ^^^^^^^^^^^^^^^ to the last ')': a comm may hold one.
std::optional<ProcStat> ParseProcStat(std::string_view text);

// `btime` of /proc/stat: when the machine started, Unix seconds.
std::optional<std::uint64_t> ParseBootTime(std::string_view text);

// `Pss` of /proc/PID/smaps_rollup, in bytes.
std::optional<std::uint64_t> ParsePss(std::string_view text);

// The effective user, `Uid`'s second number in /proc/PID/status.
std::optional<uid_t> ParseEffectiveUid(std::string_view text);

// TcpExt ListenOverflows of /proc/PID/net/netstat. A line of names stands
// before each line of values.
std::optional<std::uint64_t> ParseListenOverflows(std::string_view text);

// A whole number, decimal or hexadecimal, and nothing beside it.
std::optional<std::uint64_t> ParseDecimal(std::string_view text);
std::optional<std::uint64_t> ParseHex(std::string_view text);

}  // namespace gunicorn_exporter
