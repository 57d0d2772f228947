// The series of one label set: an app's own, or those of an app and the tags
// that statsd.tag_labels let through.
//
// Not safe from several threads: the store's lock guards it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collectors/metric_family.h"
#include "collectors/series/event.h"
#include "collectors/series/series_budget.h"
#include "collectors/series/series_key.h"
#include "collectors/series/series_options.h"
#include "collectors/series/sketch.h"
#include "collectors/series/time_point.h"

namespace gunicorn_exporter {

inline constexpr std::size_t kMessageLevels = 4;

// A counter or gauge; `exists` is false until its first event or its preset.
struct PlainSeries {
  bool exists = false;
  double value = 0;
  double created_seconds = 0;            // Unix time.
  std::chrono::milliseconds updated{0};  // Steady.
};

struct StatusSeries {
  std::uint16_t code = 0;
  PlainSeries series;
};

struct SketchSeries {
  Sketch sketch;
  double created_seconds = 0;
  std::chrono::milliseconds updated{0};
};

// Of a metric that is not gunicorn's.
struct ForeignSeries {
  MetricType type = MetricType::kCounter;
  PlainSeries plain;               // Its times hold for a summary too.
  std::unique_ptr<Sketch> sketch;  // Of a summary; else null.
};

// What all label sets are changed with, at one moment.
struct SeriesContext {
  const TimePoint& now;
  const SeriesOptions& options;
  SeriesBudget& budget;
};

class AppSeries {
 public:
  using Foreign = std::map<ForeignKey, ForeignSeries>;

  // Adds an event; `metric` is of kForeign alone. Nothing is changed where it
  // is refused.
  Refusal Add(const Event& event, const ForeignMetric* metric,
              const SeriesContext& context);
  // The zeros that an app has as soon as it is known, as far as there is room.
  // Returns for how many of them there was none.
  std::size_t AddPresets(const SeriesContext& context);
  // Removes all but what is foreign.
  void RemoveOwn(SeriesBudget& budget);
  Foreign::iterator RemoveForeign(Foreign::iterator series,
                                  SeriesBudget& budget);
  void RemoveAll(SeriesBudget& budget);
  // Removes what has not changed since `deadline`, but for the presets and the
  // arbiter's count of workers.
  void Expire(std::chrono::milliseconds deadline, const SeriesOptions& options,
              SeriesBudget& budget);
  // Removes zeros that are no presets any more, the durations and foreign
  // summaries where the buckets of durations changed, and what is foreign where
  // it is not exported any more.
  void Adopt(const SeriesOptions& options, const SeriesOptions& old_options,
             SeriesBudget& budget);
  // Takes over the series of another label set, and adds its counts to this
  // one's. Neither has a reservation.
  void MergeFrom(AppSeries& other, const SeriesOptions& options,
                 SeriesBudget& budget);

  // Of an app's own label set: it is told of, with its zeros.
  bool IsKnown() const { return has_data || share.reserved; }

  // What every line touches comes first, in two lines of the processor's cache;
  // the durations, which each request touches, next.
  //
  // The series of the app itself; null: this is it. It lives longer.
  AppSeries* base = nullptr;
  AppSeries& app() { return base == nullptr ? *this : *base; }
  bool has_data = false;           // An event was added, from whatever source.
  bool statsd_seen = false;        // A StatsD line of gunicorn's was accepted.
  bool request_seen = false;       // The same, about a request.
  bool presets_refused = false;    // Some found no room, and are counted.
  double last_packet_seconds = 0;  // Unix time; 0: none.
  std::chrono::milliseconds last_update{0};  // Of any series; steady.

  PlainSeries requests;
  std::vector<StatusSeries> statuses;  // The presets first, in their order.
  std::unique_ptr<SketchSeries> durations;  // Null: none yet.

  LabelSetPtr labels;  // Of every series here: the app's, then the tags'.
  SeriesShare share;
  std::array<PlainSeries, kMessageLevels> messages;
  PlainSeries arbiter_workers;
  std::unique_ptr<SketchSeries> backlog;  // As durations.
  Foreign foreign;                        // Of an app itself alone.
  SeriesShare foreign_share;              // Never a part of the reservation.

 private:
  // Null for a code that is no preset and was not seen yet.
  PlainSeries* Status(std::uint16_t code, const SeriesOptions& options);
  bool Ensure(PlainSeries& series, const SeriesContext& context);
  // `count`: how many series `to` is, where it is new.
  Refusal AddTo(std::unique_ptr<SketchSeries>& to, const SketchOptions& options,
                std::size_t count, const Event& event,
                const SeriesContext& context);
  Refusal AddForeign(const Event& event, const ForeignMetric& metric,
                     const SeriesContext& context);
  void MergeForeign(AppSeries& other, SeriesBudget& budget);
};

}  // namespace gunicorn_exporter
