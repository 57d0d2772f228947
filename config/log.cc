#include "config/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

namespace gunicorn_exporter {
namespace {

// How many lines may wait for a stderr that blocks.
constexpr std::size_t kQueueLines = 256;

// stderr, once it is released. Called by the background thread alone, so that
// nobody else waits for a stderr that blocks.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Takes effect with the next line or flush.
  void Release() { released_ = true; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    formatter_->format(message, waiting_);
    if (released_) WriteWaiting();
  }

  void flush_() override {
    if (!released_) return;
    WriteWaiting();
    std::fflush(stderr);
  }

 private:
  void WriteWaiting() {
    std::fwrite(waiting_.data(), 1, waiting_.size(), stderr);
    waiting_.clear();
  }

  std::atomic<bool> released_{false};
  spdlog::memory_buf_t waiting_;  // Guarded by the base's mutex.
};

// Set once by StartLog, before the other threads start.
LogFormat format = LogFormat::kLogfmt;
std::shared_ptr<StderrSink> sink;
std::shared_ptr<spdlog::logger> logger;
std::atomic<std::size_t> lost_lines_reported{0};

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
  // No format string: the line is data, braces and all.
  logger->log(ToSpdlog(level),
              spdlog::string_view_t(ToLine(format, level, event, fields)));
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
  format = line_format;
  spdlog::init_thread_pool(kQueueLines, 1);
  sink = std::make_shared<StderrSink>();
  logger = std::make_shared<spdlog::async_logger>(
      "gunicorn_exporter", sink, spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  logger->set_level(ToSpdlog(level));
  logger->flush_on(spdlog::level::debug);
  constexpr auto kTime = "%Y-%m-%dT%H:%M:%S.%eZ";
  const std::string pattern = line_format == LogFormat::kJson
                                  ? fmt::format(R"({{"ts":"{}",%v}})", kTime)
                                  : fmt::format("ts={} %v", kTime);
  logger->set_pattern(pattern, spdlog::pattern_time_type::utc);
}

void ReleaseLog() {
  if (logger == nullptr) return;
  sink->Release();
  logger->flush();
}

void StopLog() { spdlog::shutdown(); }

void LogEvent(LogLevel level, std::string_view event,
              std::initializer_list<LogField> fields) {
  if (logger == nullptr) return;
  ReportLostLines();
  if (logger->should_log(ToSpdlog(level))) Write(level, event, fields);
}

}  // namespace gunicorn_exporter
