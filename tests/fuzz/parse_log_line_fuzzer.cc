// Any bytes as a log message, with the known formats, with a pattern and with a
// unit: what comes of them is in its range.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "collectors/logs/parse_log_line.h"

namespace gunicorn_exporter {
namespace {

void Check(const LogLine& line) {
  if (const auto* const access = std::get_if<AccessLine>(&line)) {
    if (access->status < 100 || access->status > 599) std::abort();
    const double seconds = access->duration_seconds.value_or(0);
    if (!std::isfinite(seconds) || seconds < 0) std::abort();
  }
}

}  // namespace
}  // namespace gunicorn_exporter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using gunicorn_exporter::AccessPattern;
  static const AccessPattern pattern(
      "^\\S+ (?P<status>\\w+) (?P<milliseconds>\\S*)$");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  gunicorn_exporter::Check(gunicorn_exporter::ParseLogLine(text, nullptr));
  gunicorn_exporter::Check(gunicorn_exporter::ParseLogLine(text, &pattern));
  gunicorn_exporter::Check(
      gunicorn_exporter::ParseLogLine(text, nullptr, 1e-3));
  return 0;
}
