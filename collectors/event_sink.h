// Where events other than StatsD's own go: the log collector writes what access
// lines say into the store that keeps the series of requests.
#pragma once

#include <span>

#include "collectors/app_id.h"
#include "collectors/event.h"

namespace gunicorn_exporter {

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Adds what one access line says, all or nothing: false, and nothing is
  // added, when a StatsD line of the app has been accepted before. Any thread.
  virtual bool AddFromLog(const AppId& app, std::span<const Event> events) = 0;
};

}  // namespace gunicorn_exporter
