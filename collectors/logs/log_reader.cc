#include "collectors/logs/log_reader.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <variant>

#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

void Add(LogTotals& totals, const LogTailer& tailer) {
  totals.lines += tailer.stats().lines;
  totals.long_lines += tailer.stats().long_lines;
  totals.read_errors += tailer.stats().read_errors;
  totals.truncations += tailer.stats().truncations;
  totals.open_errors += tailer.open_errors();
}

}  // namespace

std::string AppOfLog(const LogSourceConfig& source, const Config& config) {
  if (!source.service.empty()) return source.service;
  if (config.instances.size() == 1) return config.instances[0].proc_name;
  if (!config.statsd.default_app.empty()) return config.statsd.default_app;
  return "unknown";
}

LogReader::LogReader(LogCounts& counts, EventSink& sink,
                     std::function<bool(const std::string&)> is_known_app,
                     std::function<void()> wait_for_statsd)
    : counts_(counts),
      sink_(sink),
      is_known_app_(std::move(is_known_app)),
      wait_for_statsd_(std::move(wait_for_statsd)) {}

void LogReader::Configure(const Config& config,
                          const std::vector<FilePosition>& positions) {
  std::vector<Source> before = std::exchange(sources_, {});
  std::set<std::string> apps;
  for (const LogSourceConfig& log : config.logs) {
    Source source;
    const auto kept =
        std::find_if(before.begin(), before.end(), [&log](const Source& old) {
          return old.tailer != nullptr && old.tailer->source() == log;
        });
    if (kept != before.end()) {
      source = std::move(*kept);
    } else {
      std::vector<FilePosition> own;
      std::copy_if(positions.begin(), positions.end(), std::back_inserter(own),
                   [&log](const FilePosition& position) {
                     return position.log == log.path;
                   });
      source.tailer = std::make_unique<LogTailer>(log, std::move(own));
      if (!log.pattern.empty())
        source.pattern = std::make_unique<AccessPattern>(log.pattern);
    }
    source.app = {AppOfLog(log, config), "", ""};
    apps.insert(source.app.name);
    sources_.push_back(std::move(source));
  }
  for (const Source& old : before) {
    if (old.tailer != nullptr) Add(retired_, *old.tailer);
  }
  counts_.SetApps(apps);
  PublishTotals();
}

void LogReader::Scan(Clock::time_point now) {
  for (Source& source : sources_) {
    source.tailer->Scan(
        now, [&](std::string_view message) { TakeMessage(source, message); });
  }
  PublishTotals();
}

bool LogReader::Read(Clock::time_point now) {
  bool has_more = false;
  for (Source& source : sources_) {
    has_more |= source.tailer->Read(
        now, [&](std::string_view message) { TakeMessage(source, message); });
  }
  PublishTotals();
  return has_more;
}

void LogReader::TakeMessage(Source& source, std::string_view message) {
  if (!source.is_app_checked) CheckApp(source);
  const LogLine line =
      ParseLogLine(message, source.pattern.get(),
                   source.tailer->source().duration_unit_seconds);
  if (const auto* const access = std::get_if<AccessLine>(&line)) {
    TakeAccessLine(source, *access);
  } else if (const auto* const error = std::get_if<ErrorLine>(&line)) {
    counts_.AddErrorLine(source.app.name, *error);
  } else {
    counts_.AddUnmatched(std::get<Unmatched>(line));
  }
}

void LogReader::TakeAccessLine(Source& source, const AccessLine& line) {
  if (!std::exchange(source.has_waited_for_statsd, true) &&
      wait_for_statsd_ != nullptr) {
    wait_for_statsd_();
  }
  if (line.is_unit_assumed && !std::exchange(source.is_unit_reported, true)) {
    LogEvent(LogLevel::kInfo, "log_duration_unit_assumed",
             {{"path", source.tailer->source().path},
              {"unit", "microseconds"},
              {"otherwise_set", "duration_unit"}});
  }
  std::array<Event, 3> events;
  events[0].kind = EventKind::kRequests;
  events[1].kind = EventKind::kStatus;
  events[1].code = line.status;
  std::size_t size = 2;
  if (line.duration_seconds) {
    events[2].kind = EventKind::kDuration;
    events[2].value = *line.duration_seconds;
    size = 3;
  }
  if (!sink_.AddFromLog(source.app, std::span(events).first(size)))
    counts_.AddRefused();
}

void LogReader::CheckApp(Source& source) const {
  source.is_app_checked = true;
  if (is_known_app_ == nullptr || is_known_app_(source.app.name)) return;
  LogEvent(LogLevel::kInfo, "log_app_unknown",
           {{"path", source.tailer->source().path}, {"app", source.app.name}});
}

void LogReader::PublishTotals() {
  LogTotals totals = retired_;
  for (const Source& source : sources_) {
    Add(totals, *source.tailer);
    totals.open_files += source.tailer->open_files();
  }
  counts_.SetTotals(totals);
}

std::vector<FilePosition> LogReader::Positions() const {
  std::vector<FilePosition> positions;
  for (const Source& source : sources_) {
    std::vector<FilePosition> own = source.tailer->Positions();
    positions.insert(positions.end(), own.begin(), own.end());
  }
  return positions;
}

std::set<std::string> LogReader::Folders() const {
  std::set<std::string> folders;
  for (const Source& source : sources_) folders.merge(source.tailer->Folders());
  return folders;
}

}  // namespace gunicorn_exporter
