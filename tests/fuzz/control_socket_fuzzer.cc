// Whatever a master answers by its control socket: its length is told without
// reading beyond the four bytes, and a class's name is no longer than what was
// printed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/process/find/control_socket.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace gunicorn_exporter;  // NOLINT(google-build-using-namespace)
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  const auto whole = ControlMessageSize(message);
  if (whole.has_value() != (size >= 4)) std::abort();
  ParseShowConfig(message);
  if (ToWorkerClass(message).size() > size) std::abort();
  return 0;
}
