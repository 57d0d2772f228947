#include "collectors/process/read/read_errors.h"

#include <cerrno>

namespace gunicorn_exporter {
namespace {

const char* ReasonOf(int error) {
  if (error == EACCES || error == EPERM) return "permission";
  return error == ENAMETOOLONG ? "too_long" : "other";
}

}  // namespace

void ReadErrors::Count(std::string_view file, int error) {
  if (error == ENOENT || error == ESRCH) return;
  const std::lock_guard lock(mutex_);
  ++counts_[{std::string(file), ReasonOf(error)}];
}

ReadErrors::Counts ReadErrors::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace gunicorn_exporter
