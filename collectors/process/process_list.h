// The gunicorn processes that ProcessMonitor knows, for those who must not wait
// while it reads the process table.
//
// Thread rule: any thread; Publish from one at a time. No call waits for more
// than another's copy of a pointer.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "collectors/process/app_registry.h"

namespace gunicorn_exporter {

class ProcessList {
 public:
  using List = std::vector<TrackedProcess>;

  void Publish(const std::map<ProcessKey, TrackedProcess>& processes);
  // Masters first. Never null.
  std::shared_ptr<const List> Get() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const List> list_ = std::make_shared<const List>();
};

}  // namespace gunicorn_exporter
