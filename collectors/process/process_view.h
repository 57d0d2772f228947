// What the process thread knows, as it gives it to everybody else: plain
// numbers, which no later look changes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collectors/app_status.h"
#include "collectors/process/app_registry.h"
#include "collectors/process/read/cgroup.h"
#include "config/config.h"

namespace gunicorn_exporter {

// A socket that an app listens on.
struct ListenQueue {
  std::string
      address;  // "127.0.0.1:8000", "[::]:8000", "unix:/run/my_app.sock"
  std::uint64_t length = 0;            // Connections waiting to be accepted.
  std::optional<std::uint64_t> limit;  // How many may wait, where it is told.
};

// What an app opened connections to (sockets/upstreams.h).
struct Upstream {
  std::string peer;  // "10.0.0.5:5432", "[::1]:6379", "other"
  std::size_t connections = 0;
  std::size_t waits = 0;  // Of them, those whose request has no answer yet.
  double oldest_wait_seconds = 0;
};

// The processes of one role: master, worker, dirty.
struct RoleView {
  bool seen = false;  // Such a process has been there; else there is no series.
  std::size_t processes = 0;
  CpuTicks cpu;  // Living and ended ones.
  std::uint64_t threads = 0;
  std::uint64_t resident_bytes = 0;
  // Empty when one of them, or all of them, could not be read.
  std::optional<std::uint64_t> proportional_bytes;
  std::optional<std::uint64_t> open_fds;
};

struct WorkerView {
  ProcessKey key;
  CpuTicks cpu;
  std::uint64_t resident_bytes = 0;
  // Where it is known which connections it holds.
  std::optional<std::uint64_t> connections;
};

// The labels of gunicorn_app_info; one for each that differs.
struct InfoView {
  std::string version;  // Empty: not known.
  bool titled = true;
  Container container;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const InfoView&) const = default;
};

struct AppView {
  AppStatus status;
  double first_seen_seconds = 0;  // Unix seconds; 0: never seen.
  std::uint64_t spawned = 0;
  std::uint64_t exited = 0;
  std::optional<std::uint64_t> requests_lost;  // Where it is told.
  std::array<RoleView, kCpuRoles> roles{};     // By CpuRole.
  bool dirty_arbiter = false;
  std::size_t dirty_workers = 0;
  std::optional<double> master_start_seconds;  // Unix seconds; the oldest's.
  std::optional<double> heartbeat_age_seconds;
  // Where it is known which connections are the app's.
  std::optional<std::uint64_t> connections;
  std::optional<std::size_t> requests_in_progress;
  std::optional<std::uint64_t> request_slots;  // Where it is told.
  // After so long without a heartbeat a worker is killed, where that is told;
  // 0: never. The shortest, where its masters' differ.
  std::optional<unsigned> worker_timeout_seconds;
  std::optional<double> oldest_request_seconds;
  std::vector<ListenQueue> listen_queues;
  std::vector<Upstream> upstreams;
  std::optional<std::uint64_t> listen_overflows;
  // Of its cgroups, where they have a limit and where they are told.
  std::optional<double> cpu_limit_cores;
  std::optional<std::uint64_t> cpu_throttled_microseconds;
  std::optional<std::uint64_t> memory_limit_bytes;
  std::optional<std::uint64_t> oom_kills;
  std::vector<InfoView> infos;
  std::vector<WorkerView> workers;
};

struct ProcessView {
  std::shared_ptr<const Config> config;  // In force when it was made.
  // When the process table was last read; nothing: never yet.
  std::optional<std::chrono::steady_clock::time_point> looked_at;
  bool readable = false;           // The table, at the last look, to its end.
  bool others_are_hidden = false;  // Other users' processes: hidepid.
  std::vector<UnnamedGunicorn> unnamed;  // At the last scan.
  std::size_t processes = 0;  // All of the machine's, at the last scan.
  double sample_interval_seconds = 0;  // In effect; may be longer than asked.
  double sample_seconds = 0;           // CPU time of the last sample.
  std::vector<AppView> apps;           // Configured ones first, in their order.
};

using ProcessViewPtr = std::shared_ptr<const ProcessView>;

}  // namespace gunicorn_exporter
