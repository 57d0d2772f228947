// Which label set a line feeds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/metric_family.h"
#include "collectors/series/event.h"

namespace gunicorn_exporter {

class AppSeries;

struct SeriesKey {
  AppId app;
  // What `statsd.tag_labels` let through, in that order; empty values are left
  // out, as they are no labels.
  std::vector<Label> tags;
};

// The key as one string: 0xFF, which no UTF-8 has, parts its pieces.
std::string ToText(const SeriesKey& key);

// A key that an ingest thread keeps, with the store's answer beside it so that
// the store need not look it up again. Belongs to that thread; the store fills
// in `series` and `epoch` while it adds.
struct SeriesRef {
  SeriesKey key;
  AppSeries* series = nullptr;  // Valid while `epoch` is the store's.
  std::uint64_t epoch = 0;
};

// One event on its way into the store.
struct StoreOp {
  SeriesRef* ref = nullptr;
  Event event;
  // A packed line is several events; its refusal counts once.
  bool begins_line = true;
};

}  // namespace gunicorn_exporter
