#include "config/base/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace gunicorn_exporter {

void RaiseDescriptorLimit() {
  constexpr rlim_t kWanted = 8192;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kWanted) {
    return;
  }
  limit.rlim_cur = std::min(kWanted, limit.rlim_max);
  // Where it is refused, the old limit holds, and so do the shares of it.
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::size_t DescriptorShare(std::size_t most) {
  constexpr rlim_t kShares = 4;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return most;
  const rlim_t share = limit.rlim_cur / kShares;
  return std::clamp<std::size_t>(static_cast<std::size_t>(share), 1, most);
}

}  // namespace gunicorn_exporter
