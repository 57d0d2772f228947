// The names of metrics that are not gunicorn's: which may stand beside which.
//
// A name is one type's, in all label sets together, for as long as one of them
// has a series of it. No line of a metric may be called like a line of another,
// ours among them: a summary x has x_sum, x_count and, in OpenMetrics,
// x_created. Names that Prometheus writes itself are nobody's.
//
// Not safe from several threads: the store's lock guards it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "collectors/metric_family.h"

namespace gunicorn_exporter {

class ForeignNames {
 public:
  static bool IsReserved(const std::string& name);
  // The name in use that `name` cannot stand beside, which may be its own;
  // empty: there is none. Valid until the next Remove.
  std::string_view Conflict(const std::string& name, MetricType type) const;

  // Of one label set that has a series of it, or has it no more.
  void Add(const std::string& name, MetricType type);
  void Remove(const std::string& name);
  bool empty() const { return names_.empty(); }

 private:
  struct Use {
    MetricType type = MetricType::kCounter;
    std::size_t label_sets = 0;
  };

  std::map<std::string, Use> names_;
};

}  // namespace gunicorn_exporter
