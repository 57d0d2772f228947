// What one StatsD line or one log line says about an app, in our own terms.
#pragma once

#include <cstdint>

namespace gunicorn_exporter {

enum class EventKind : std::uint8_t {
  kRequests,        // gunicorn.requests; `value` requests were answered.
  kStatus,          // gunicorn.request.status.NNN; `code`, 100 to 599.
  kDuration,        // gunicorn.request.duration; `value` in seconds.
  kLogMessage,      // gunicorn.log.LEVEL; `level`.
  kArbiterWorkers,  // gunicorn.workers; `value` workers, a change where
                    // `is_delta`.
  kBacklog,         // gunicorn.backlog; `value` connections.
  kForeign,         // Not gunicorn's: SeriesRef::foreign. `value` in base
                    // units, of a gauge a change where `is_delta`.
};

// The `level` label of gunicorn_log_messages_total.
enum class MessageLevel : std::uint8_t {
  kCritical,
  kError,
  kWarning,
  kException
};

struct Event {
  EventKind kind = EventKind::kRequests;
  MessageLevel level = MessageLevel::kCritical;
  std::uint16_t code = 0;
  bool is_delta = false;
  double value = 1;  // Finite; not negative but for a gauge.
  double weight =
      1;  // 1 / sample rate: how many such events this one stands for.
};

}  // namespace gunicorn_exporter
