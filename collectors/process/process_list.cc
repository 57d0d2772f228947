#include "collectors/process/process_list.h"

#include <algorithm>
#include <utility>

namespace gunicorn_exporter {

void ProcessList::Publish(
    const std::map<ProcessKey, TrackedProcess>& processes) {
  List list;
  list.reserve(processes.size());
  for (const auto& [key, process] : processes) list.push_back(process);
  std::stable_sort(list.begin(), list.end(),
                   [](const TrackedProcess& left, const TrackedProcess& right) {
                     return left.gunicorn.role < right.gunicorn.role;
                   });
  auto published = std::make_shared<const List>(std::move(list));
  const std::lock_guard lock(mutex_);
  list_.swap(published);
}

std::shared_ptr<const ProcessList::List> ProcessList::Get() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

}  // namespace gunicorn_exporter
