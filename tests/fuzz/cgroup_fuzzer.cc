// Whatever a container runtime writes into /proc/PID/cgroup, what is found in
// it can stand in a label.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/process/read/cgroup.h"
#include "config/base/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto found = gunicorn_exporter::ParseCgroup(
      std::string_view(reinterpret_cast<const char*>(data), size));
  if (!gunicorn_exporter::IsValidUtf8(found.pod_uid)) std::abort();
  if (!gunicorn_exporter::IsValidUtf8(found.container_id)) std::abort();
  return 0;
}
