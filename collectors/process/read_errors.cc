#include "collectors/process/read_errors.h"

#include <cerrno>

namespace gunicorn_exporter {

void ReadErrors::Count(std::string_view file, int error) {
  if (error == ENOENT || error == ESRCH) return;
  const bool denied = error == EACCES || error == EPERM;
  const std::lock_guard lock(mutex_);
  ++counts_[{std::string(file), denied ? "permission" : "other"}];
}

ReadErrors::Counts ReadErrors::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace gunicorn_exporter
