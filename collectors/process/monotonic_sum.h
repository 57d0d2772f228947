// A sum of the kernel's counts for an app's network namespaces, or cgroups,
// that never falls.
//
// A source may go away and another one come, whose count begins at 0, or which
// is called as an older one; an app may have several. Of a source that is gone
// the last count stays, and a count that is lower than before is a new
// source's.
//
// Pure. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace gunicorn_exporter {

class MonotonicSum {
 public:
  // `count` is what the kernel says now for the source of that name.
  void See(const std::string& source, std::uint64_t count) {
    const std::uint64_t before = std::exchange(last_[source], count);
    if (count < before) ended_ += before;
  }

  // Nothing before the first count.
  std::optional<std::uint64_t> Total() const {
    if (last_.empty()) return std::nullopt;
    std::uint64_t total = ended_;
    for (const auto& [source, count] : last_) total += count;
    return total;
  }

 private:
  std::uint64_t ended_ = 0;  // Of sources whose name is used again.
  std::map<std::string, std::uint64_t> last_;
};

}  // namespace gunicorn_exporter
