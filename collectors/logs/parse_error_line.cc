#include "collectors/logs/parse_error_line.h"

#include <strings.h>

#include <utility>

#include "collectors/logs/scan_text.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

struct Saying {
  std::string_view begin;
  std::string_view later;  // Stands somewhere behind it.
  WorkerEvent event;
  ErrorLevel level;  // At which gunicorn says it.
};

// What the arbiter and the workers say about a worker. Source: gunicorn's
// arbiter.py, 20.1 to 26.1.
constexpr Saying kSayings[] = {
    {"Booting worker with pid: ", "", WorkerEvent::kBoot, ErrorLevel::kInfo},
    {"Worker exiting (pid: ", "", WorkerEvent::kExit, ErrorLevel::kInfo},
    {"WORKER TIMEOUT (pid:", "", WorkerEvent::kTimeout, ErrorLevel::kCritical},
    // Worker (pid:8880) was sent SIGKILL! Perhaps out of memory?
    // Worker (pid:8880) was sent code 40!       (a signal without a name)
    {"Worker (pid:", ") was sent ", WorkerEvent::kKilled, ErrorLevel::kError},
    // Worker with pid 8880 was terminated due to signal 9
    {"Worker with pid ", " was terminated due to signal ", WorkerEvent::kKilled,
     ErrorLevel::kWarning},
};

const Saying* FindSaying(std::string_view message) {
  for (const Saying& saying : kSayings) {
    if (message.starts_with(saying.begin) &&
        message.find(saying.later) != message.npos) {
      return &saying;
    }
  }
  return nullptr;
}

}  // namespace

std::optional<ErrorLevel> FindLevel(std::string_view name) {
  static constexpr std::pair<std::string_view, ErrorLevel> kNames[] = {
      {"debug", ErrorLevel::kDebug},       {"info", ErrorLevel::kInfo},
      {"warning", ErrorLevel::kWarning},   {"error", ErrorLevel::kError},
      {"critical", ErrorLevel::kCritical}, {"trace", ErrorLevel::kDebug},
      {"fatal", ErrorLevel::kCritical},
  };
  if (const auto number = ParseNumber<int>(name)) {
    if (*number < 10 || *number > 50 || *number % 10 != 0) return std::nullopt;
    return static_cast<ErrorLevel>(*number / 10 - 1);
  }
  for (const auto& [known, level] : kNames) {
    if (!name.empty() && name.size() <= known.size() &&
        strncasecmp(name.data(), known.data(), name.size()) == 0) {
      return level;
    }
  }
  return std::nullopt;
}

LogLine MakeErrorLine(std::string_view level, std::string_view message) {
  const std::optional<ErrorLevel> known = FindLevel(level);
  if (!known) return Unmatched::kUnknownLevel;
  const Saying* const saying = FindSaying(message);
  if (saying == nullptr) return ErrorLine{*known, {}};
  return ErrorLine{*known, saying->event};
}

LogLine ParseErrorLine(std::string_view line) {
  std::string_view rest = line;
  if (!HasShape(line, "[9999-99-99 99:99:99")) {
    if (!TakeText(rest, "[") || !ParseNumber<int>(TakeUntil(rest, ']')) ||
        !TakeText(rest, " ")) {
      return Unmatched::kNoFormat;
    }
    const Saying* const saying = FindSaying(rest);
    if (saying == nullptr) return Unmatched::kNoFormat;
    return ErrorLine{saying->level, saying->event};
  }
  TakeUntil(rest, ']');
  std::string_view level;
  if (TakeText(rest, " [")) {
    if (!ParseNumber<int>(TakeUntil(rest, ']')) || !TakeText(rest, " ["))
      return Unmatched::kNoFormat;
    level = TakeUntil(rest, ']');
    TakeText(rest, " ");
  } else if (TakeText(rest, " ")) {
    level = TakeUntil(rest, ' ');
    if (!rest.starts_with("in ")) return Unmatched::kNoFormat;
  } else {
    return Unmatched::kNoFormat;
  }
  return MakeErrorLine(level, rest);
}

}  // namespace gunicorn_exporter
