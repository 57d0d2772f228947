#include "collectors/statsd/foreign_series.h"

#include <memory>
#include <utility>

namespace gunicorn_exporter {
namespace {

// What statsd_exporter gives a timer without a mapping.
const std::vector<double>& Quantiles() {
  static const std::vector<double> quantiles = {0.5, 0.9, 0.99};
  return quantiles;
}

constexpr const char* kSummarySuffixes[] = {"_sum", "_count"};

}  // namespace

// A summary x has lines x_sum and x_count: no other metric may be called so.
bool ForeignSeries::IsFree(const std::string& name, MetricType type) const {
  for (const std::string suffix : kSummarySuffixes) {
    if (type == MetricType::kSummary && metrics_.contains(name + suffix)) {
      return false;
    }
    if (!name.ends_with(suffix)) continue;
    const auto base =
        metrics_.find(name.substr(0, name.size() - suffix.size()));
    if (base != metrics_.end() && base->second.type == MetricType::kSummary) {
      return false;
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
