// A whole small file as text.
#pragma once

#include <cstddef>
#include <string>

namespace gunicorn_exporter {

// At most `max_bytes` and one: the one shows that there is more. Throws
// ConfigError, "cannot be read: Permission denied", for the caller to put the
// file's name before it.
std::string ReadTextFile(const std::string& file, std::size_t max_bytes);

}  // namespace gunicorn_exporter
