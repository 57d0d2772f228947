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

// What a line's name and its DogStatsD tags, "k:v,k:v", stand for. Letters,
// digits and "_" stay, each other character becomes "_", several dashes become
// one, and a digit in front gets one: "my-app.orders" is my_app_orders. Tags
// may stand in the name, too:
//
//     a,k=v,k=v     InfluxDB      a#k=v,k=v    Librato
//     a;k=v;k=v     Graphite      a[k=v,k=v]b  SignalFX
//
// Of several tags of one name the last one holds; what is no tag or has no
// value is left out. The name may be empty. False where the name has tags and
// there are DogStatsD's too.
bool MakeForeignKey(std::string_view name, std::string_view tags,
                    ForeignKey& key);

class ForeignLines {
 public:
  // Adds the line's events to `ops`, whose refs are valid until Clear.
  // kAccepted; kMalformed where its tags are of two styles; kMissingName where
  // nothing is left of the name; kBadValue where a value is negative and no
  // gauge's.
  LineVerdict Take(const Sample& sample, const AppId& app,
                   std::vector<StoreOp>& ops);

  // So much is remembered that it is time for Clear.
  bool IsFull() const;
  void Clear() { refs_.Clear(); }

 private:
  StringTable<SeriesRef> refs_;  // By type, name and tags as sent, and app.
  std::string text_;
};

}  // namespace gunicorn_exporter
