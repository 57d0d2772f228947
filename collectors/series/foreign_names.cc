#include "collectors/series/foreign_names.h"

#include <string_view>

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kSummarySuffixes[] = {"_sum", "_count"};

}  // namespace

bool ForeignNames::IsReserved(const std::string& name) {
  return name == "up" || name.starts_with("scrape_");
}

const std::string* ForeignNames::Conflict(const std::string& name,
                                          MetricType type) const {
  const auto own = names_.find(name);
  if (own != names_.end()) {
    return own->second.type == type ? nullptr : &own->first;
  }
  for (const std::string_view suffix : kSummarySuffixes) {
    if (name.ends_with(suffix)) {
      const auto summary =
          names_.find(name.substr(0, name.size() - suffix.size()));
      if (summary != names_.end() &&
          summary->second.type == MetricType::kSummary) {
        return &summary->first;
      }
    }
    if (type != MetricType::kSummary) continue;
    const auto line = names_.find(std::string(name).append(suffix));
    if (line != names_.end()) return &line->first;
  }
  return nullptr;
}

void ForeignNames::Add(const std::string& name, MetricType type) {
  Use& use = names_[name];
  use.type = type;
  ++use.label_sets;
}

void ForeignNames::Remove(const std::string& name) {
  const auto found = names_.find(name);
  if (--found->second.label_sets == 0) names_.erase(found);
}

}  // namespace gunicorn_exporter
