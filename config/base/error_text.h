// strerror without its traps: any thread, any number.
#pragma once

#include <string>
#include <system_error>

namespace gunicorn_exporter {

inline std::string ErrorText(int error) {
  return std::generic_category().message(error);
}

}  // namespace gunicorn_exporter
