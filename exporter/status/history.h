// What happened to each app in the last quarter of an hour: a point every five
// seconds, for the status page. GET /api/v1/history:
//
//     {
//       "time": 1790000000.5,         Unix seconds, of the answer
//       "interval_seconds": 5,
//       "kept": 180,                  points, at most
//       "first": 53021,               number of the first point told here
//       "newest": 53200,              and of the last; null: there is none yet
//       "newest_age_seconds": 2.5,
//       "apps": [{                    by name; one value for each point
//         "app": "my_app",            and pod_uid, container_id as in status
//         "requests_per_second": [20.5],         over the minute before it
//         "error_ratio": [0.05],                 the same, of 500 to 599 and of
//                                                lost requests; 0 to 1
//         "p50_seconds": [0.01],                 as gunicorn_request_duration_
//         "p95_seconds": [0.2],                  window_seconds
//         "max_seconds": [1.5],
//         "working": [1],                        workers
//         "requests_in_progress": [1],
//         "queue_length": [0],
//         "oldest_request_age_seconds": [0.25]
//       }],
//       "apps_without": 0             known ones beyond the first 200
//     }
//
// `?after=NUMBER`: the points after that one alone. Members are only ever
// added.
//
// What was not known is null: where the process table did not answer, before
// an app came, and where a point is missing since the program did not run.
// Points go by the steady clock, so one that is set moves none of them; a
// reader finds a point's time of day from the answer's. An app's points go with
// it.
//
// Memory: 7 KB an app at most, and less where not all is known of it. No file
// keeps them.
//
// Thread rule: any thread; one lock, held for milliseconds. No I/O.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/series/time_point.h"
#include "exporter/status/status_view.h"

namespace gunicorn_exporter {

// Over the minute before now, or over as much of it as is known, five seconds
// at least; else there is nothing.
struct LastMinute {
  std::optional<double> seconds;
  std::optional<double> requests_per_second;
  // Answers of 500 to 599 and lost requests among all; nothing where none was.
  std::optional<double> error_ratio;
};

class History {
 public:
  using Milliseconds = std::chrono::milliseconds;  // Of the steady clock.
  static constexpr Milliseconds kInterval{5000};
  static constexpr std::size_t kPoints = 180;
  static constexpr std::size_t kMostApps = 200;

  // What has been counted was counted since `now`.
  explicit History(Milliseconds now) : times_{now} {}

  // When the point after `now` is due.
  static Milliseconds NextPoint(Milliseconds now);
  // Whether there is none for the time of `now` yet.
  bool IsDue(Milliseconds now) const;
  // Adds it; nothing where it is there already. Apps that are not among `apps`
  // are forgotten.
  void Add(Milliseconds now, const StatusViews& apps);

  // `app` as it is now.
  LastMinute MinuteOf(const StatusView& app, Milliseconds now) const;
  // `after`: negative for all points.
  std::string Json(std::int64_t after, const TimePoint& now) const;

 private:
  static constexpr std::size_t kReadings = 9;
  // One of them at each point, by the point's number modulo kPoints. NaN: not
  // known.
  using Ring = std::array<float, kPoints>;
  // Null: it was never known.
  using Rings = std::array<std::unique_ptr<Ring>, kReadings>;
  // Requests, answers, errors and lost requests.
  using Counts = std::array<double, 4>;
  using Growth = std::array<float, 4>;
  struct Track {
    // At the last point: by the app's counters, and whether others' were among
    // them.
    Counts told{};
    bool held_shared_counts = false;
    // What they grew by up to each of the last points, the oldest first.
    std::vector<Growth> grown;
    std::unique_ptr<Rings> rings;  // Null: one of too many apps.
  };
  static constexpr std::size_t kMinutePoints = 12;
  static_assert(100 *
                    (kReadings * sizeof(Ring) + sizeof(Rings) + sizeof(Track) +
                     kMinutePoints * sizeof(Growth) + sizeof(AppId)) <
                1000 * 1024);

  static Counts Grow(const Track& track, const StatusView& app);
  LastMinute MinuteBefore(const Track& track, const StatusView& app,
                          Milliseconds now) const;
  void Read(Track& track, const StatusView& app, Milliseconds now);

  mutable std::mutex mutex_;  // Guards what follows.
  std::map<AppId, Track> tracks_;
  std::size_t apps_with_points_ = 0;
  // Of the last points, the oldest first: those of a minute and the one that it
  // begins with; at first the time that counting began.
  std::vector<Milliseconds> times_;
  // Numbers: the steady clock's time over kInterval, so that they go on over a
  // restart. Nothing: there is no point yet.
  std::optional<std::int64_t> oldest_, newest_;
};

}  // namespace gunicorn_exporter
