// Any bytes as a configuration file: it loads or throws ConfigError with one
// line, nothing else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/base/config_error.h"
#include "config/load_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const gunicorn_exporter::LoadedConfig loaded =
        gunicorn_exporter::ParseConfig(text, "f");
    for (const auto& instance : loaded.config.instances)
      if (instance.proc_name.empty()) std::abort();
    if (loaded.config.statsd.max_series == 0) std::abort();
  } catch (const gunicorn_exporter::ConfigError& error) {
    const std::string_view what = error.what();
    if (!what.starts_with("f:") || what.find('\n') != what.npos) std::abort();
  }
  return 0;
}
