#include "config/base/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

namespace gunicorn_exporter {
namespace {

// How many lines may wait for a stderr that blocks.
constexpr std::size_t kQueueLines = 256;
constexpr std::chrono::seconds kStopPatience(2);

// Set once by StartLog, before the other threads start.
LogFormat format = LogFormat::kLogfmt;
std::shared_ptr<spdlog::logger> logger;
std::atomic<std::size_t> lost_lines_reported{0};

struct HeldEvent {
  spdlog::level::level_enum level;
  spdlog::log_clock::time_point time;
  std::string line;
};

std::mutex held_mutex;  // Guards these.
bool is_held = true;
std::vector<HeldEvent> held_events;

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "info";
}

std::string ToJsonString(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false,
                                   nlohmann::json::error_handler_t::replace);
}

// Bare where a reader cannot mistake it; else quoted, with JSON's escapes.
std::string ToLogfmtValue(std::string_view text) {
  const auto is_bare = [](unsigned char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
  };
  bool bare = !text.empty();
  for (const char c : text) {
    bare = bare && is_bare(static_cast<unsigned char>(c));
  }
  return bare ? std::string(text) : ToJsonString(text);
}

// The line from its level on; spdlog puts the time before it.
std::string ToLine(LogFormat line_format, LogLevel level,
                   std::string_view event,
                   std::initializer_list<LogField> fields) {
  std::string line;
  const auto append = [&](std::string_view key, std::string_view value) {
    if (!line.empty()) line += line_format == LogFormat::kJson ? "," : " ";
    if (line_format == LogFormat::kJson) {
      line += ToJsonString(key) + ":" + ToJsonString(value);
    } else {
      line.append(key).append("=").append(ToLogfmtValue(value));
    }
  };
  append("level", LevelName(level));
  append("event", event);
  for (const LogField& field : fields) append(field.key, field.value);
  return line;
}

void Write(LogLevel level, std::string_view event,
           std::initializer_list<LogField> fields) {
  std::string line = ToLine(format, level, event, fields);
  {
    const std::lock_guard lock(held_mutex);
    if (is_held) {
      held_events.push_back(
          {ToSpdlog(level), spdlog::log_clock::now(), std::move(line)});
      return;
    }
  }
  // No format string: the line is data, braces and all.
  logger->log(ToSpdlog(level), spdlog::string_view_t(line));
}

// Lines that the queue had no room for since this was last said.
void ReportLostLines() {
  const auto pool = spdlog::thread_pool();
  if (pool == nullptr) return;
  const std::size_t lost = pool->overrun_counter();
  const std::size_t reported = lost_lines_reported.exchange(lost);
  if (lost > reported) {
    Write(LogLevel::kWarn, "log_lines_lost",
          {{"lines", std::to_string(lost - reported)}});
  }
}

}  // namespace

void StartLog(LogLevel level, LogFormat line_format) {
  {
    const std::lock_guard lock(held_mutex);
    is_held = true;
    held_events.clear();
  }
  format = line_format;
  spdlog::init_thread_pool(kQueueLines, 1);
  logger = std::make_shared<spdlog::async_logger>(
      "gunicorn_exporter", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
      spdlog::thread_pool(), spdlog::async_overflow_policy::overrun_oldest);
  logger->set_level(ToSpdlog(level));
  logger->flush_on(spdlog::level::debug);
  constexpr auto kTime = "%Y-%m-%dT%H:%M:%S.%eZ";
  const std::string pattern = line_format == LogFormat::kJson
                                  ? fmt::format(R"({{"ts":"{}",%v}})", kTime)
                                  : fmt::format("ts={} %v", kTime);
  logger->set_pattern(pattern, spdlog::pattern_time_type::utc);
}

void ReleaseLog() {
  const std::lock_guard lock(held_mutex);
  is_held = false;
  for (const HeldEvent& event : held_events) {
    logger->log(event.time, spdlog::source_loc{}, event.level,
                spdlog::string_view_t(event.line));
  }
  held_events.clear();
}

bool StopLog() {
  // It waits for the background thread, which may hang in write(2).
  const auto stopped = std::make_shared<std::promise<void>>();
  std::thread([stopped] {
    spdlog::shutdown();
    stopped->set_value();
  }).detach();
  return stopped->get_future().wait_for(kStopPatience) ==
         std::future_status::ready;
}

void LogEvent(LogLevel level, std::string_view event,
              std::initializer_list<LogField> fields) {
  if (logger == nullptr) return;
  ReportLostLines();
  if (logger->should_log(ToSpdlog(level))) Write(level, event, fields);
}

}  // namespace gunicorn_exporter
