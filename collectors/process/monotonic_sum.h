// The accept queue overflows of an app, out of the kernel's counts for its
// network namespaces.
//
// A namespace may go away and another one come, whose count begins at 0, or
// whose number is that of an older one; an app may be in several. The total
// never falls: of a namespace that is gone the last count stays, and a count
// that is lower than before is a new namespace's.
//
// Pure. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace gunicorn_exporter {

class OverflowCounter {
 public:
  // `count` is what the kernel says now for the namespace of that number.
  void See(std::uint64_t network_namespace, std::uint64_t count);

  // Nothing before the first count.
  std::optional<std::uint64_t> Total() const;

 private:
  std::uint64_t ended_ = 0;  // Of namespaces whose number is used again.
  std::map<std::uint64_t, std::uint64_t> last_;
};

}  // namespace gunicorn_exporter
