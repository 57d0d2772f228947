#include "collectors/logs/parse_log_line.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <vector>

#include "collectors/logs/parse_json_line.h"
#include "collectors/logs/parse_number.h"

namespace gunicorn_exporter {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether the text has the mask's shape: '9' stands for a digit, 'a' for any
// byte, all else for itself.
bool HasShape(std::string_view text, std::string_view mask) {
  if (text.size() < mask.size()) return false;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] == '9' ? !IsDigit(text[i])
                       : mask[i] != 'a' && mask[i] != text[i]) {
      return false;
    }
  }
  return true;
}

// Takes what stands up to `delimiter`, and the delimiter. The whole rest where
// there is none.
std::string_view TakeUntil(std::string_view& rest, char delimiter) {
  const std::string_view token = rest.substr(0, rest.find(delimiter));
  rest.remove_prefix(std::min(rest.size(), token.size() + 1));
  return token;
}

// Takes a text in quotes. False where there is none, or its end is not clear.
//
// gunicorn puts a backslash before a quote of the text, but none before a
// backslash: where the text ends in one, its end looks like a quote of it.
//
//     "a\"b" "c\" "d"
//          ^    ^
bool TakeQuoted(std::string_view& rest) {
  if (!rest.starts_with('"')) return false;
  std::size_t end = 0;  // The last one that may be it.
  for (std::size_t i = rest.find('"', 1); i != rest.npos;
       i = rest.find('"', i + 1)) {
    const char before = rest[i - 1];
    if (end != 0 && before == ' ') {
      // The next text begins, which is clear where no space follows.
      if (i + 1 == rest.size() || rest[i + 1] == ' ') return false;
      break;
    }
    end = i;
    if (before != '\\') break;
  }
  if (end == 0) return false;
  rest.remove_prefix(end + 1);
  return true;
}

// What follows the size: quoted texts and numbers. The first two texts are the
// client's, with whatever numbers it likes.
//
//     "-" "curl/7.88.1" 0.001523
//                       ^^^^^^^^
std::optional<double> FindDuration(std::string_view rest, double unit_seconds,
                                   bool& is_unit_assumed) {
  std::optional<double> whole_number;
  int whole_numbers = 0;
  int client_texts = 2;  // Referer and agent.
  while (!rest.empty()) {
    if (rest.starts_with(' ') || rest.starts_with('/')) {
      rest.remove_prefix(1);
      continue;
    }
    std::string_view token;
    if (rest.starts_with('"')) {
      const std::string_view before = rest;
      if (!TakeQuoted(rest)) return std::nullopt;
      if (client_texts-- > 0) continue;
      const std::size_t size = before.size() - rest.size();
      // "%(L)s" in quotes is a number all the same.
      token = before.substr(1, size - 2);
    } else {
      token = rest.substr(0, rest.find_first_of(" /"));
      rest.remove_prefix(token.size());
    }
    if (const auto seconds = ParseLogSeconds(token)) return seconds;
    if (const auto number = ParseLogWhole(token)) {
      ++whole_numbers;
      whole_number = number;
    }
  }
  // Of two bare numbers nobody knows which one is what.
  if (whole_numbers != 1) return std::nullopt;
  is_unit_assumed = unit_seconds == 0;
  return is_unit_assumed ? *whole_number / 1e6 : *whole_number * unit_seconds;
}

LogLine MakeAccessLine(std::string_view status,
                       std::optional<double> duration_seconds,
                       bool is_unit_assumed = false) {
  const auto code = ParseLogWhole(status);
  if (!code || *code < 100 || *code > 599) return Unmatched::kBadStatus;
  return AccessLine{static_cast<std::uint16_t>(*code), duration_seconds,
                    is_unit_assumed};
}

// 127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] "GET / HTTP/1.1" 200 2 "-" "-"
//               ^
// What stands before the time may be anything, as with X-Forwarded-For.
LogLine ParseAccessLine(std::string_view line, double unit_seconds) {
  static constexpr std::string_view kTime = "[99/aaa/9999:99:99:99 a9999] \"";
  std::size_t start = line.find('[');
  while (start != line.npos && !HasShape(line.substr(start), kTime)) {
    start = line.find('[', start + 1);
  }
  if (start == line.npos || start == 0) return Unmatched::kNoFormat;
  std::string_view rest = line.substr(start + kTime.size() - 1);
  if (!TakeQuoted(rest) || !rest.starts_with(' ')) return Unmatched::kNoFormat;
  rest.remove_prefix(1);
  const std::string_view status = TakeUntil(rest, ' ');
  const std::string_view size = TakeUntil(rest, ' ');
  if (!ParseLogWhole(status)) return Unmatched::kNoFormat;
  if (size != "-" && !ParseLogWhole(size)) return Unmatched::kNoFormat;
  bool is_unit_assumed = false;
  const auto seconds = FindDuration(rest, unit_seconds, is_unit_assumed);
  return MakeAccessLine(status, seconds, is_unit_assumed);
}

// What the arbiter and the workers say about a worker. Source: gunicorn's
// arbiter.py, 20.1 to 26.1.
std::optional<WorkerEvent> FindEvent(std::string_view message) {
  if (message.starts_with("Booting worker with pid: "))
    return WorkerEvent::kBoot;
  if (message.starts_with("Worker exiting (pid: ")) return WorkerEvent::kExit;
  if (message.starts_with("WORKER TIMEOUT (pid:")) return WorkerEvent::kTimeout;
  // Worker (pid:8880) was sent SIGKILL! Perhaps out of memory?
  if (message.starts_with("Worker (pid:") &&
      message.find(") was sent SIG") != message.npos) {
    return WorkerEvent::kKilled;
  }
  // Worker with pid 8880 was terminated due to signal 9
  if (message.starts_with("Worker with pid ") &&
      message.find(" was terminated due to signal ") != message.npos) {
    return WorkerEvent::kKilled;
  }
  return std::nullopt;
}

std::optional<ErrorLevel> FindLevel(std::string_view name) {
  static constexpr std::string_view kNames[] = {"DEBUG", "INFO", "WARNING",
                                                "ERROR", "CRITICAL"};
  const auto* const found =
      std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<ErrorLevel>(found - std::begin(kNames));
}

// [2026-11-22 05:33:16 +0000] [8865] [INFO] Booting worker with pid: 8865
// [2026-11-22 05:33:16,580] ERROR in app: Exception on / [GET]
LogLine ParseErrorLine(std::string_view line) {
  std::string_view rest = line;
  TakeUntil(rest, ']');
  std::string_view level;
  if (rest.starts_with(" [")) {
    rest.remove_prefix(2);
    if (!ParseLogWhole(TakeUntil(rest, ']')) || !rest.starts_with(" ["))
      return Unmatched::kNoFormat;
    rest.remove_prefix(2);
    level = TakeUntil(rest, ']');
    if (rest.starts_with(' ')) rest.remove_prefix(1);
  } else if (rest.starts_with(' ')) {
    rest.remove_prefix(1);
    level = TakeUntil(rest, ' ');
    if (!rest.starts_with("in ")) return Unmatched::kNoFormat;
  } else {
    return Unmatched::kNoFormat;
  }
  const std::optional<ErrorLevel> known = FindLevel(level);
  if (!known) return Unmatched::kUnknownLevel;
  return ErrorLine{*known, FindEvent(rest)};
}

}  // namespace

AccessPattern::AccessPattern(const std::string& pattern)
    : pattern_(pattern, re2::RE2::Quiet) {
  static constexpr std::pair<const char*, double> kUnits[] = {
      {"microseconds", 1e-6}, {"milliseconds", 1e-3}, {"seconds", 1}};
  const auto& groups = pattern_.NamedCapturingGroups();
  if (const auto status = groups.find("status"); status != groups.end())
    status_group_ = status->second;
  for (const auto& [name, unit_seconds] : kUnits) {
    const auto group = groups.find(name);
    if (group == groups.end()) continue;
    duration_group_ = group->second;
    unit_seconds_ = unit_seconds;
    break;
  }
}

std::optional<LogLine> AccessPattern::Match(std::string_view line) const {
  std::vector<re2::StringPiece> groups(
      static_cast<std::size_t>(std::max(status_group_, duration_group_) + 1));
  if (!pattern_.ok() ||
      !pattern_.Match(re2::StringPiece(line.data(), line.size()), 0,
                      line.size(), re2::RE2::UNANCHORED, groups.data(),
                      static_cast<int>(groups.size()))) {
    return std::nullopt;
  }
  const auto text = [&](int group) {
    const re2::StringPiece& piece = groups[static_cast<std::size_t>(group)];
    return std::string_view(piece.data(), piece.size());
  };
  std::optional<double> seconds;
  if (duration_group_ > 0) {
    seconds = ParseLogDecimal(text(duration_group_));
    if (seconds) *seconds *= unit_seconds_;
  }
  return MakeAccessLine(text(status_group_), seconds);
}

LogLine ParseLogLine(std::string_view message, const AccessPattern* pattern,
                     double unit_seconds) {
  if (message.find('\0') != message.npos) return Unmatched::kBinary;
  if (pattern != nullptr) {
    if (const auto line = pattern->Match(message)) return *line;
  }
  const std::string_view first = message.substr(0, message.find('\n'));
  if (HasShape(first, "[9999-99-99 99:99:99")) return ParseErrorLine(first);
  if (pattern != nullptr) return Unmatched::kNoFormat;
  if (first.starts_with('{')) return ParseJsonLine(message, unit_seconds);
  return ParseAccessLine(first, unit_seconds);
}

}  // namespace gunicorn_exporter
