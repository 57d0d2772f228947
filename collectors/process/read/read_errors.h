// What could not be read below /proc, by file and reason: the series
// gunicorn_exporter_process_read_errors_total. A process that vanished between
// two reads is no error and is not counted. Safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace gunicorn_exporter {

class ReadErrors {
 public:
  // (file, reason); `file` as below /proc/PID ("fd", "smaps_rollup"), `reason`
  // "permission", "too_long" (a name that no app has) or "other".
  using Counts = std::map<std::pair<std::string, std::string>, std::uint64_t>;

  // Counts one failed read, unless `error` (errno) says that the process or the
  // file is not there.
  void Count(std::string_view file, int error);
  Counts counts() const;

 private:
  mutable std::mutex mutex_;
  Counts counts_;  // Guarded by mutex_.
};

}  // namespace gunicorn_exporter
