// Whatever a client accepts, it is answered in one of the formats.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "exporter/scrape/content_negotiation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string header(reinterpret_cast<const char*>(data), size);
  const auto format = gunicorn_exporter::NegotiateFormat(header);
  if (gunicorn_exporter::NegotiateFormat(header) != format) std::abort();
  gunicorn_exporter::AcceptsGzip(header);
  return 0;
}
