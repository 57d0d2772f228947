// Where events other than StatsD's own go: the log collector writes what access
// lines say into the store that keeps the series of requests.
//
// The hand-over, by the app's name: as soon as one StatsD line about a request
// of any app of that name was accepted, its access lines are refused, for as
// long as the process runs and even where series_ttl has removed the app's
// series. What the lines had counted stays. Without pod_labels StatsD goes on
// in the same series. With them it has series of its own, since a log file
// names no pod and no container; those of the log stand still beside them, so
// that their sum never falls and counts nothing twice.
#pragma once

#include <span>

#include "collectors/app_id.h"
#include "collectors/series/event.h"

namespace gunicorn_exporter {

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Adds what one access line says. False, and nothing is added, after the
  // hand-over. Any thread.
  virtual bool AddFromLog(const AppId& app, std::span<const Event> events) = 0;
};

}  // namespace gunicorn_exporter
