#include "collectors/series/foreign_names.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kTotal = "_total";

// The names that a metric has on the lines of one format or another.
std::vector<std::string> NamesOf(const std::string& name, MetricType type) {
  if (type == MetricType::kSummary) {
    return {name, name + "_sum", name + "_count"};
  }
  if (type != MetricType::kCounter) return {name};
  const std::string family = name.ends_with(kTotal)
                                 ? name.substr(0, name.size() - kTotal.size())
                                 : name;
  return {family, family + std::string(kTotal)};
}

}  // namespace

bool ForeignNames::IsReserved(const std::string& name) {
  return name == "up" || name.starts_with("scrape_");
}

const std::string* ForeignNames::Conflict(const ForeignMetric& metric) const {
  const auto own = names_.find(metric.name);
  if (own != names_.end()) {
    return own->second.type == metric.type ? nullptr : &own->first;
  }
  for (const std::string& wanted : NamesOf(metric.name, metric.type)) {
    // Those that could have a line of this name.
    std::vector<std::string> owners = {wanted, wanted + std::string(kTotal)};
    for (const std::string_view suffix :
         {std::string_view("_sum"), std::string_view("_count"), kTotal}) {
      if (!wanted.ends_with(suffix)) continue;
      owners.push_back(wanted.substr(0, wanted.size() - suffix.size()));
    }
    for (const std::string& owner : owners) {
      const auto found = names_.find(owner);
      if (found == names_.end()) continue;
      const auto taken = NamesOf(owner, found->second.type);
      if (std::find(taken.begin(), taken.end(), wanted) != taken.end()) {
        return &found->first;
      }
    }
  }
  return nullptr;
}

void ForeignNames::Add(const ForeignMetric& metric) {
  Use& use = names_[metric.name];
  use.type = metric.type;
  ++use.label_sets;
}

void ForeignNames::Remove(const std::string& name) {
  const auto found = names_.find(name);
  if (--found->second.label_sets == 0) names_.erase(found);
}

}  // namespace gunicorn_exporter
