#include "collectors/series/foreign_series.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

namespace gunicorn_exporter {
namespace {

// What statsd_exporter gives a timer without a mapping.
const std::vector<double>& Quantiles() {
  static const std::vector<double> quantiles = {0.5, 0.9, 0.99};
  return quantiles;
}

constexpr std::string_view kTotal = "_total";

// The names that a metric has on the lines of one format or another: in
// OpenMetrics a counter x or x_total is the family x with the line x_total.
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

bool ForeignSeries::IsFree(const std::string& name, MetricType type) const {
  for (const std::string& wanted : NamesOf(name, type)) {
    std::vector<std::string> owners = {wanted, wanted + std::string(kTotal)};
    for (const std::string_view suffix :
         {std::string_view("_sum"), std::string_view("_count"), kTotal}) {
      if (!wanted.ends_with(suffix)) continue;
      owners.push_back(wanted.substr(0, wanted.size() - suffix.size()));
    }
    for (const std::string& owner : owners) {
      const auto metric = metrics_.find(owner);
      if (metric == metrics_.end()) continue;
      const std::vector<std::string> taken =
          NamesOf(owner, metric->second.type);
      if (std::find(taken.begin(), taken.end(), wanted) != taken.end()) {
        return false;
      }
    }
  }
  return true;
}

ForeignSeries::Entry* ForeignSeries::FindOrCreate(
    const ForeignRef& ref, const TimePoint& now, const SketchOptions& sketch,
    SeriesBudget& budget, const MakeLabelsOf& make_labels) {
  const auto metric = metrics_.find(ref.name);
  if (metric != metrics_.end()) {
    if (metric->second.type != ref.type) return nullptr;
    const auto entry = metric->second.entries.find(ref.key_text);
    if (entry != metric->second.entries.end()) return &entry->second;
  } else if (!IsFree(ref.name, ref.type)) {
    return nullptr;
  }
  Entry made;
  if (!budget.Take(made.share)) return nullptr;
  made.key = ref.key;
  made.labels = make_labels(ref.key);
  made.plain.created_seconds = now.unix_seconds;
  if (ref.type == MetricType::kSummary) made.sketch.emplace(sketch);
  label_bytes_ += ref.name.size() + ref.key_text.size();
  Metric& place = metrics_[ref.name];
  place.type = ref.type;
  return &place.entries.emplace(ref.key_text, std::move(made)).first->second;
}

bool ForeignSeries::Add(const ForeignOp& op, const TimePoint& now,
                        const SketchOptions& sketch, SeriesBudget& budget,
                        const MakeLabelsOf& make_labels) {
  Entry* const entry = FindOrCreate(*op.ref, now, sketch, budget, make_labels);
  if (entry == nullptr) return false;
  entry->plain.updated = now.steady;
  if (entry->sketch) {
    entry->sketch->Add(op.value, op.weight, now.steady);
  } else if (op.ref->type == MetricType::kGauge && !op.is_delta) {
    entry->plain.value = op.value;
  } else {
    entry->plain.value = AddFinite(entry->plain.value, op.value * op.weight);
  }
  return true;
}

void ForeignSeries::EraseIf(
    const std::function<bool(const SeriesKey&, std::chrono::milliseconds)>&
        is_gone,
    SeriesBudget& budget) {
  for (auto metric = metrics_.begin(); metric != metrics_.end();) {
    auto& [name, content] = *metric;
    for (auto entry = content.entries.begin();
         entry != content.entries.end();) {
      Entry& series = entry->second;
      if (!is_gone(series.key, series.plain.updated)) {
        ++entry;
        continue;
      }
      budget.GiveBack(series.share, series.share.used);
      label_bytes_ -= name.size() + entry->first.size();
      entry = content.entries.erase(entry);
    }
    metric = content.entries.empty() ? metrics_.erase(metric) : ++metric;
  }
}

void ForeignSeries::EraseLongestSilent(std::size_t count,
                                       SeriesBudget& budget) {
  std::vector<std::chrono::milliseconds> times;
  for (const auto& [name, metric] : metrics_) {
    for (const auto& [text, entry] : metric.entries) {
      times.push_back(entry.plain.updated);
    }
  }
  count = std::min(count, times.size());
  if (count == 0) return;
  std::sort(times.begin(), times.end());
  const std::chrono::milliseconds last = times[count - 1];
  // Of those that are as old as the last one, only as many as are wanted.
  auto left = times.begin() + static_cast<std::ptrdiff_t>(count) -
              std::lower_bound(times.begin(), times.end(), last);
  EraseIf(
      [&](const SeriesKey&, std::chrono::milliseconds updated) {
        return updated < last || (updated == last && left-- > 0);
      },
      budget);
}

void ForeignSeries::Relabel(const MakeLabelsOf& make_labels) {
  for (auto& [name, metric] : metrics_) {
    for (auto& [text, entry] : metric.entries) {
      entry.labels = make_labels(entry.key);
    }
  }
}

void ForeignSeries::Collect(std::chrono::milliseconds now,
                            std::vector<MetricFamily>& families) const {
  for (const auto& [name, metric] : metrics_) {
    MetricFamily family{
        name, "Made of StatsD lines that are not gunicorn's.", metric.type, {}};
    for (const auto& [text, entry] : metric.entries) {
      AddSeries(family, entry.labels, nullptr, entry.plain.value,
                entry.plain.created_seconds);
      if (!entry.sketch) continue;
      auto summary = std::make_unique<SummaryValue>();
      const std::vector<double> values =
          entry.sketch->Quantiles(Quantiles(), now);
      for (std::size_t i = 0; i < values.size(); ++i) {
        summary->quantiles.emplace_back(Quantiles()[i], values[i]);
      }
      summary->count = entry.sketch->count();
      summary->sum = entry.sketch->sum();
      family.series.back().summary = std::move(summary);
    }
    families.push_back(std::move(family));
  }
}

}  // namespace gunicorn_exporter
