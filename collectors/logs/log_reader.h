// Reads the files of all `logs` entries and counts what they say. Without a
// thread and a clock of its own; LogCollector gives it both. Not thread safe.
//
// An access line goes to the sink as a request, its status and, where the line
// has it, its duration. The hand-over to StatsD is the sink's, see
// event_sink.h; access lines that it refuses count as refused. gunicorn writes
// the line just before it sends to StatsD: a log's first access line is held
// until that must have arrived, so that not even the first request counts
// twice.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/logs/log_counts.h"
#include "collectors/logs/log_line.h"
#include "collectors/logs/log_tailer.h"
#include "collectors/logs/position_file.h"
#include "collectors/series/event_sink.h"
#include "config/config.h"

namespace gunicorn_exporter {

// The app of a log: its service; without one, the only instance of the
// configuration, else statsd.default_app, else "unknown".
std::string AppOfLog(const LogSourceConfig& source, const Config& config);

class LogReader {
 public:
  using Clock = LogTailer::Clock;

  // All must outlive the reader. `is_known_app` only decides whether a service
  // that is nobody's name is logged, once for each log.
  // `wait_for_statsd` returns when StatsD lines that were sent before it was
  // called have arrived; may be null.
  LogReader(LogCounts& counts, EventSink& sink,
            std::function<bool(const std::string&)> is_known_app,
            std::function<void()> wait_for_statsd = nullptr);

  // Takes up the logs of the configuration. Those that it had already go on
  // where they are; `positions` are those of an earlier process, empty where
  // there was none.
  void Configure(const Config& config,
                 const std::optional<KeptPositions>& positions = std::nullopt);
  // Looks for files.
  void Scan(Clock::time_point now);
  // Reads a bounded part of each file. True when there may be more.
  bool Read(Clock::time_point now);

  KeptPositions Positions() const;
  std::set<std::string> Folders() const;

 private:
  struct Source {
    AppId app;
    std::unique_ptr<LogTailer> tailer;
    std::uint64_t matched = 0;  // Messages of a known format.
    bool is_app_checked = false;
    bool has_waited_for_statsd = false;
    bool is_unit_reported = false;
  };

  // The place in a file that no log reads any more, to one that has it. False:
  // none has.
  bool HandOver(const FilePosition& position);
  void ScanSource(Source& source, Clock::time_point now);
  void TakeMessage(Source& source, std::string_view message,
                   Traceback& traceback, Clock::time_point now);
  void TakeAccessLine(Source& source, const AccessLine& line);
  // Counts it, and shows it where none of the reason was shown for a minute.
  void TakeUnmatched(const Source& source, Unmatched reason,
                     std::string_view message, Clock::time_point now);
  void CheckApp(Source& source) const;
  void PublishTotals();

  LogCounts& counts_;
  EventSink& sink_;
  const std::function<bool(const std::string&)> is_known_app_;
  const std::function<void()> wait_for_statsd_;
  std::vector<Source> sources_;
  ReadStats retired_;  // Of the logs that a reload dropped.
  std::array<std::optional<Clock::time_point>, std::size(kUnmatchedNames)>
      last_shown_;
};

}  // namespace gunicorn_exporter
