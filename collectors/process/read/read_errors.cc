#include "collectors/process/read/read_errors.h"

#include <cerrno>
#include <string>

namespace gunicorn_exporter {
namespace {

const char* ReasonOf(int error) {
  if (error == EACCES || error == EPERM) return "permission";
  return error == ENAMETOOLONG ? "too_long" : "other";
}

}  // namespace

ReadErrors::ReadErrors(prometheus::Registry& registry)
    : family_(prometheus::BuildCounter()
                  .Name("gunicorn_exporter_process_read_errors_total")
                  .Help("Files below /proc that could not be read.")
                  .Register(registry)) {}

void ReadErrors::Count(std::string_view file, int error) {
  if (error == ENOENT || error == ESRCH) return;
  family_.Add({{"file", std::string(file)}, {"reason", ReasonOf(error)}})
      .Increment();
}

}  // namespace gunicorn_exporter
