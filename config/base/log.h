// The program's log: one event a line, logfmt or JSON, to stderr.
//
//     ts=2026-11-22T10:00:00.000Z level=info event=receiver_started
//     transport=udp address=127.0.0.1:8125
//
// Any thread may log. Writing is a background thread's work: a stderr that
// blocks delays nobody; the oldest waiting lines are then lost, and a later
// line says how many: event=log_lines_lost.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "config/config.h"

namespace gunicorn_exporter {

// A key (lower case, the unit in it: duration_seconds) and its value.
struct LogField {
  std::string_view key;
  std::string value;
};

// Call it once, before the other threads start; until then events go nowhere.
// ReleaseLog lets them out.
void StartLog(LogLevel level, LogFormat format);

// From StartLog until here, events are kept and not written: a start that fails
// says the one line that names why, and nothing beside it. Any thread may log.
void ReleaseLog();

// Writes what is waiting and stops the background thread. False where stderr
// blocks for two seconds: then that thread hangs, and only std::_Exit ends the
// program.
bool StopLog();

// `event` is the stable name of what happened: "receiver_started".
void LogEvent(LogLevel level, std::string_view event,
              std::initializer_list<LogField> fields = {});

}  // namespace gunicorn_exporter
