#include "collectors/logs/log_reader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <map>
#include <span>
#include <utility>
#include <variant>

#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

// Those that an earlier process kept of the log; empty: it did not follow it.
std::optional<std::vector<FilePosition>> PositionsOf(
    const LogSourceConfig& log, const std::optional<KeptPositions>& kept) {
  if (!kept) return std::nullopt;
  std::vector<FilePosition> own;
  std::copy_if(kept->files.begin(), kept->files.end(), std::back_inserter(own),
               [&log](const FilePosition& position) {
                 return position.log == log.path;
               });
  if (own.empty() && kept->logs &&
      std::find(kept->logs->begin(), kept->logs->end(), log.path) ==
          kept->logs->end()) {
    return std::nullopt;
  }
  return own;
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
                          const std::optional<KeptPositions>& positions) {
  std::vector<Source> before = std::exchange(sources_, {});
  std::set<std::string> apps;
  std::set<std::string> paths;
  for (const LogSourceConfig& log : config.logs) {
    Source source;
    const auto kept =
        std::find_if(before.begin(), before.end(), [&log](const Source& old) {
          return old.tailer != nullptr && old.tailer->Adopt(log);
        });
    if (kept != before.end()) {
      source = std::move(*kept);
    } else {
      source.tailer =
          std::make_unique<LogTailer>(log, PositionsOf(log, positions));
    }
    source.app = {AppOfLog(log, config), "", ""};
    apps.insert(source.app.name);
    paths.insert(log.path);
    sources_.push_back(std::move(source));
  }
  for (const Source& old : before) {
    if (old.tailer == nullptr) continue;
    retired_.Add(old.tailer->stats());
    for (const FilePosition& position : old.tailer->Positions())
      HandOver(position);
  }
  counts_.SetLogs(apps, paths);
  PublishTotals();
}

bool LogReader::HandOver(const FilePosition& position) {
  // To one alone: the others leave the file to that one then.
  return std::any_of(sources_.begin(), sources_.end(),
                     [&position](const Source& source) {
                       return source.tailer->TakeOver(position);
                     });
}

void LogReader::ScanSource(Source& source, Clock::time_point now) {
  source.tailer->Scan(
      now,
      [&](std::string_view message, Traceback& traceback) {
        TakeMessage(source, message, traceback, now);
      },
      [&](const FileId& id) {
        return std::any_of(
            sources_.begin(), sources_.end(), [&](const Source& other) {
              return &other != &source && other.tailer->Follows(id);
            });
      });
}

void LogReader::Scan(Clock::time_point now) {
  for (Source& source : sources_) {
    ScanSource(source, now);
    std::vector<FilePosition> closed = source.tailer->TakeClosed();
    std::erase_if(closed, [this](const FilePosition& position) {
      return HandOver(position);
    });
    source.tailer->KeepClosed(std::move(closed));
  }
  PublishTotals();
}

bool LogReader::Read(Clock::time_point now) {
  bool has_more = false;
  for (Source& source : sources_) {
    has_more |= source.tailer->Read(
        now, [&](std::string_view message, Traceback& traceback) {
          TakeMessage(source, message, traceback, now);
        });
  }
  PublishTotals();
  return has_more;
}

void LogReader::TakeMessage(Source& source, std::string_view message,
                            Traceback& traceback, Clock::time_point now) {
  if (!source.is_app_checked) CheckApp(source);
  const LogLine line = source.tailer->parser().Parse(message);
  if (const auto* const access = std::get_if<AccessLine>(&line)) {
    ++source.matched;
    traceback.TakeMessage(/*is_error=*/false);
    TakeAccessLine(source, *access);
    if (access->has_unread_duration)
      TakeUnmatched(source, Unmatched::kDuration, message, now);
  } else if (const auto* const error = std::get_if<ErrorLine>(&line)) {
    ++source.matched;
    traceback.TakeMessage(/*is_error=*/true);
    counts_.AddErrorLine(source.app.name, *error);
  } else {
    const auto reason = std::get<Unmatched>(line);
    // "ValueError: x" fits an `error_pattern` of "level: message", too.
    const bool may_be_traceback =
        reason == Unmatched::kNoFormat ||
        (reason == Unmatched::kUnknownLevel &&
         !source.tailer->source().error_pattern.empty());
    if (!may_be_traceback || !traceback.TakeLine(message))
      TakeUnmatched(source, reason, message, now);
  }
}

void LogReader::TakeUnmatched(const Source& source, Unmatched reason,
                              std::string_view message, Clock::time_point now) {
  static constexpr std::chrono::minutes kShownEvery{1};
  static constexpr std::size_t kShownBytes = 200;
  counts_.AddUnmatched(source.tailer->source().path, reason);
  const auto index = static_cast<std::size_t>(reason);
  if (last_shown_[index] && now - *last_shown_[index] < kShownEvery) return;
  last_shown_[index] = now;
  LogEvent(LogLevel::kDebug, "log_line_unmatched",
           {{"path", source.tailer->source().path},
            {"reason", std::string(kUnmatchedNames[index])},
            {"line", std::string(message.substr(0, kShownBytes))}});
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
  ReadStats totals = retired_;
  std::map<std::string_view, LogCounts::Log> logs;
  for (const Source& source : sources_) {
    totals.Add(source.tailer->stats());
    LogCounts::Log& log = logs[source.tailer->source().path];
    log.matched += source.matched;
    log.open_files += source.tailer->open_files();
  }
  counts_.SetTotals(totals, logs);
}

KeptPositions LogReader::Positions() const {
  KeptPositions positions;
  positions.logs.emplace();
  for (const Source& source : sources_) {
    positions.logs->push_back(source.tailer->source().path);
    const std::vector<FilePosition> own = source.tailer->Positions();
    positions.files.insert(positions.files.end(), own.begin(), own.end());
  }
  return positions;
}

std::set<std::string> LogReader::Folders() const {
  std::set<std::string> folders;
  for (const Source& source : sources_) folders.merge(source.tailer->Folders());
  return folders;
}

}  // namespace gunicorn_exporter
