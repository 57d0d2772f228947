// What the receiving thread does with lines that are not gunicorn's, with
// `unmatched: export`: names them and keeps what it found.
//
// Not safe from several threads: it is the receiving thread's.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "collectors/series/foreign_series.h"
#include "collectors/series/series_key.h"
#include "collectors/statsd/lines/parse_line.h"
#include "collectors/statsd/who/string_table.h"

namespace gunicorn_exporter {

class ForeignLines {
 public:
  // kAccepted; kUnmatched where the name is one of our own; kBadType where the
  // name was another type's; kBadValue where a value is negative and no
  // gauge's.
  LineVerdict Take(const Sample& sample, const SeriesKey& key);

  const std::vector<ForeignOp>& ops() const { return ops_; }
  void ClearOps() { ops_.clear(); }
  // So much is remembered that it is time for Clear.
  bool IsFull() const;
  // Only without ops.
  void Clear();

 private:
  const ForeignRef* Resolve(const Sample& sample, const SeriesKey& key);

  StringTable<MetricType> types_;  // By metric name.
  StringTable<ForeignRef> refs_;   // By metric name and key.
  std::vector<ForeignOp> ops_;
  std::string name_;
  std::string text_;
};

}  // namespace gunicorn_exporter
