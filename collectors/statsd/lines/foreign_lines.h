// What the receiving thread does with lines that are not gunicorn's, with
// `unmatched: export`, as statsd_exporter does without a mapping: a counter and
// a gauge of the line's name; of ms, h and d a summary, ms in seconds. Names
// them and keeps what it found.
//
// Not safe from several threads: it is the receiving thread's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/series/series_key.h"
#include "collectors/statsd/lines/parse_line.h"
#include "collectors/statsd/who/string_table.h"

namespace gunicorn_exporter {

// Writes into `out`: letters, digits, "_" and ":" stay, each other character
// becomes "_", and a digit in front gets one: "my-app.orders" is my_app_orders.
// Tags within the name (InfluxDB's "a,tag=v", Librato's "a#tag=v", SignalFX's
// "a[tag=v]") are no part of it; it may be empty without them.
void MakeForeignName(std::string_view name, std::string& out);

// A name that this program has series of itself, or could.
bool IsOwnName(std::string_view name);

class ForeignLines {
 public:
  // Adds the line's events to `ops`, whose refs are valid until Clear.
  // kAccepted; kMissingName where nothing is left of the name; kUnmatched where
  // it is one of our own; kBadValue where a value is negative and no gauge's.
  LineVerdict Take(const Sample& sample, const SeriesKey& key,
                   std::vector<StoreOp>& ops);

  // So much is remembered that it is time for Clear.
  bool IsFull() const;
  void Clear() { refs_.Clear(); }

 private:
  SeriesRef& Resolve(MetricType type, const SeriesKey& key);

  StringTable<SeriesRef> refs_;  // By type, metric name and key.
  std::string name_;
  std::string text_;
};

}  // namespace gunicorn_exporter
