// Whatever the file holds, the reader returns or throws ConfigError, on one
// line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/base/config_error.h"
#include "config/load_web_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    gunicorn_exporter::ParseWebConfig(text, "web.yml");
  } catch (const gunicorn_exporter::ConfigError& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) abort();
  }
  return 0;
}
