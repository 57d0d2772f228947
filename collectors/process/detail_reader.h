// What only a scrape needs of an app's processes, beyond stat: open
// descriptors, memory shares, heartbeats, its network namespaces' overflows.
//
// Thread rule: one thread at a time. A role of which one process cannot be read
// has no sum.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "collectors/process/app_viewer.h"
#include "collectors/process/monitor_clocks.h"
#include "collectors/process/process_view.h"
#include "collectors/process/read/proc_reader.h"
#include "collectors/process/sockets/overflow_counter.h"

namespace gunicorn_exporter {

// A sum over the processes of a role. Unknown where one of them may not be read
// or none could be; one that has just gone adds nothing.
class DetailSum {
 public:
  void Add(std::uint64_t value) { total_ = total_.value_or(0) + value; }
  void Deny() { is_denied_ = true; }
  bool is_denied() const { return is_denied_; }
  std::optional<std::uint64_t> Total() const {
    return is_denied_ ? std::nullopt : total_;
  }

 private:
  std::optional<std::uint64_t> total_;
  bool is_denied_ = false;
};

// How long ago did a worker last tell its master that it lives?
//
// A worker touches a deleted file, /tmp/wgunicorn-xxxxxxxx. Gunicorn 20 changes
// the file's mode, which sets ctime to the time of day; newer ones set mtime to
// the monotonic clock, which changes ctime too. Source: workers/workertmp.py.

// "/dev/shm/wgunicorn-ukt2ywa6 (deleted)"
bool IsHeartbeatFile(std::string_view target);

// In seconds, never negative. mtime is taken where it can only be the monotonic
// clock's: it then does not suffer from changes of the time of day.
double HeartbeatAge(const FileTimes& times, double monotonic_seconds,
                    double unix_seconds);

class DetailReader {
 public:
  // Both must outlive this.
  DetailReader(ProcReader& reader, const MonitorClocks& clocks)
      : reader_(reader), clocks_(clocks) {}

  void Fill(const ProcessGroup& processes, AppView& view);

  // Drops what is remembered of processes and apps that are gone.
  void Forget(const std::map<ProcessKey, TrackedProcess>& living,
              const std::map<AppId, AppRecord>& apps);

 private:
  // The kernel walks all pages of a process for it, so it is kept a while.
  struct MemoryShare {
    std::chrono::steady_clock::time_point read_at;
    std::optional<std::uint64_t> bytes;
  };

  std::optional<std::uint64_t> ReadShare(const ProcessKey& key);
  void AddShare(const ProcessKey& key, DetailSum& sum);
  void ReadDescriptors(const TrackedProcess& process, DetailSum& sum,
                       AppView& view);
  void ReadOverflows(const ProcessGroup& processes, AppView& view);

  ProcReader& reader_;
  const MonitorClocks& clocks_;
  std::map<ProcessKey, MemoryShare> shares_;
  std::map<AppId, OverflowCounter> overflows_;
};

}  // namespace gunicorn_exporter
