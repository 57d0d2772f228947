#include "collectors/process/sockets/overflow_counter.h"

#include <utility>

namespace gunicorn_exporter {

void OverflowCounter::See(std::uint64_t network_namespace,
                          std::uint64_t count) {
  const std::uint64_t before = std::exchange(last_[network_namespace], count);
  if (count < before) ended_ += before;
}

std::optional<std::uint64_t> OverflowCounter::Total() const {
  if (last_.empty()) return std::nullopt;
  std::uint64_t total = ended_;
  for (const auto& [network_namespace, count] : last_) total += count;
  return total;
}

}  // namespace gunicorn_exporter
