// The series of lines that are not gunicorn's, with `unmatched: export`, as
// statsd_exporter makes them without a mapping: a counter and a gauge of the
// line's name; of ms, h and d a summary over quantile_window, ms in seconds.
//
// Not safe from several threads: the store's lock guards it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/metric_family.h"
#include "collectors/series/app_series.h"
#include "collectors/series/series_budget.h"
#include "collectors/series/series_key.h"
#include "collectors/series/sketch.h"
#include "collectors/series/time_point.h"

namespace gunicorn_exporter {

// Which series a foreign line feeds. Kept by an ingest thread.
struct ForeignRef {
  std::string name;                        // A valid metric name.
  MetricType type = MetricType::kCounter;  // Or kGauge, kSummary.
  SeriesKey key;
  std::string key_text;  // ToText(key).
};

struct ForeignOp {
  const ForeignRef* ref = nullptr;
  double value = 0;  // In base units.
  double weight = 1;
  bool is_delta = false;  // Of a gauge.
  bool begins_line = true;
};

class ForeignSeries {
 public:
  using MakeLabelsOf = std::function<LabelSetPtr(const SeriesKey&)>;

  // False, and nothing is changed, where it needs a new series and there is no
  // room for one, or the name is another type's.
  bool Add(const ForeignOp& op, const TimePoint& now,
           const SketchOptions& sketch, SeriesBudget& budget,
           const MakeLabelsOf& make_labels);
  // Names and labels count against the same limit as those of apps.
  std::size_t label_bytes() const { return label_bytes_; }

  void EraseIf(
      const std::function<bool(const SeriesKey&,
                               std::chrono::milliseconds updated)>& is_gone,
      SeriesBudget& budget);
  // So many of them; all where there are fewer.
  void EraseLongestSilent(std::size_t count, SeriesBudget& budget);
  void Relabel(const MakeLabelsOf& make_labels);
  void Collect(std::chrono::milliseconds now,
               std::vector<MetricFamily>& families) const;

 private:
  struct Entry {
    SeriesKey key;
    LabelSetPtr labels;
    SeriesShare share;
    PlainSeries plain;  // Its times hold for a summary too.
    std::optional<Sketch> sketch;
  };
  struct Metric {
    MetricType type = MetricType::kCounter;
    std::map<std::string, Entry> entries;  // By ToText of the key.
  };

  Entry* FindOrCreate(const ForeignRef& ref, const TimePoint& now,
                      const SketchOptions& sketch, SeriesBudget& budget,
                      const MakeLabelsOf& make_labels);
  // Whether no other metric has a line or a family of these names.
  bool IsFree(const std::string& name, MetricType type) const;

  std::map<std::string, Metric> metrics_;
  std::size_t label_bytes_ = 0;
};

}  // namespace gunicorn_exporter
