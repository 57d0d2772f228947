#include "collectors/process/monotonic_sum.h"

#include <utility>

namespace gunicorn_exporter {

void MonotonicSum::See(const std::string& source, std::uint64_t count) {
  const std::uint64_t before = std::exchange(last_[source], count);
  if (count < before) ended_ += before;
}

std::optional<std::uint64_t> MonotonicSum::Total() const {
  if (last_.empty()) return std::nullopt;
  std::uint64_t total = ended_;
  for (const auto& [source, count] : last_) total += count;
  return total;
}

}  // namespace gunicorn_exporter
