// Which series a line feeds, and what is added to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/metric_family.h"
#include "collectors/series/event.h"
#include "collectors/series/series_budget.h"

namespace gunicorn_exporter {

class AppSeries;

// A label set.
struct SeriesKey {
  AppId app;
  // What `statsd.tag_labels` let through, in that order: names as they are
  // sent. Empty values are left out, as they are no labels.
  std::vector<Label> tags;

  // The app itself comes before its tagged label sets, and those follow it.
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const SeriesKey&) const = default;
};

// A series that is not gunicorn's (`unmatched: export`), among those of its
// app's own label set.
struct ForeignKey {
  std::string name;         // A valid metric name.
  std::vector<Label> tags;  // Valid labels by name, each once.

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const ForeignKey&) const = default;
};

struct ForeignMetric {
  ForeignKey key;
  MetricType type = MetricType::kCounter;  // Or kGauge, kSummary.
};

// A key that an ingest thread keeps, with the store's answer beside it so that
// the store need not look it up again. Belongs to that thread; the store fills
// in `series` and `epoch` while it adds.
struct SeriesRef {
  SeriesKey key;
  std::unique_ptr<const ForeignMetric> foreign = {};  // For kForeign alone.
  AppSeries* series = nullptr;  // Valid while `epoch` is the store's.
  std::uint64_t epoch = 0;
};

// One event on its way into the store.
struct StoreOp {
  SeriesRef* ref = nullptr;
  Event event;
  // A packed line is several events; its refusal counts once.
  bool begins_line = true;
  // The store's answer.
  Refusal refusal = Refusal::kNone;
};

}  // namespace gunicorn_exporter
