// What could not be read below /proc: the series
// gunicorn_exporter_process_read_errors_total. A process that vanished between
// two reads is no error and is not counted. Safe from any thread.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <string_view>

namespace gunicorn_exporter {

class ReadErrors {
 public:
  // `registry` must outlive this.
  explicit ReadErrors(prometheus::Registry& registry);

  // Counts one failed read, unless `error` (errno) says that the process or the
  // file is not there. The labels: `file` as below /proc/PID ("fd",
  // "smaps_rollup"), and the reason "permission", "too_long" (a name that no
  // app has) or "other".
  void Count(std::string_view file, int error);

 private:
  prometheus::Family<prometheus::Counter>& family_;
};

}  // namespace gunicorn_exporter
