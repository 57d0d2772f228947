#include "collectors/logs/log_parser.h"

#include <cmath>
#include <string>
#include <utility>

#include "collectors/logs/parse_access_line.h"
#include "collectors/logs/parse_error_line.h"
#include "collectors/logs/parse_json_line.h"
#include "collectors/logs/scan_text.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

std::unique_ptr<const re2::RE2> Compile(const std::string& pattern) {
  if (pattern.empty()) return nullptr;
  return std::make_unique<const re2::RE2>(pattern, re2::RE2::Quiet);
}

// What the groups of a pattern hold.
class Match {
 public:
  Match(const re2::RE2& pattern, std::string_view text)
      : names_(pattern.NamedCapturingGroups()),
        groups_(
            static_cast<std::size_t>(pattern.NumberOfCapturingGroups() + 1)),
        is_match_(pattern.Match(re2::StringPiece(text.data(), text.size()), 0,
                                text.size(), re2::RE2::UNANCHORED,
                                groups_.data(),
                                static_cast<int>(groups_.size()))) {}

  explicit operator bool() const { return is_match_; }
  bool Has(const char* name) const { return names_.contains(name); }
  // Empty where there is no such group.
  std::string_view operator[](const char* name) const {
    const auto group = names_.find(name);
    if (group == names_.end()) return {};
    const auto& piece = groups_[static_cast<std::size_t>(group->second)];
    return {piece.data(), piece.size()};
  }

 private:
  const std::map<std::string, int>& names_;
  std::vector<re2::StringPiece> groups_;
  bool is_match_;
};

}  // namespace

LogParser::LogParser(const LogSourceConfig& source)
    : access_pattern_(Compile(source.pattern)),
      error_pattern_(Compile(source.error_pattern)),
      unit_seconds_(source.duration_unit_seconds) {}

std::optional<LogLine> LogParser::MatchAccess(std::string_view text) const {
  static constexpr std::pair<const char*, double> kUnits[] = {
      {"microseconds", 1e-6}, {"milliseconds", 1e-3}, {"seconds", 1}};
  const Match match(*access_pattern_, text);
  if (!match) return std::nullopt;
  std::optional<double> seconds;
  for (const auto& [name, unit_seconds] : kUnits) {
    if (!match.Has(name)) continue;
    seconds = ParseNumber<double>(match[name]);
    if (seconds && std::isfinite(*seconds) && *seconds >= 0) {
      *seconds *= unit_seconds;
    } else {
      seconds.reset();
    }
    break;
  }
  return MakeAccessLine(match["status"], seconds);
}

std::optional<LogLine> LogParser::MatchError(std::string_view line) const {
  const Match match(*error_pattern_, line);
  if (!match) return std::nullopt;
  return MakeErrorLine(match["level"], match["message"]);
}

LogLine LogParser::ParseKnown(std::string_view line) const {
  if (error_pattern_ == nullptr) {
    const LogLine error = ParseErrorLine(line);
    if (error != LogLine(Unmatched::kNoFormat)) return error;
  }
  if (access_pattern_ != nullptr) return Unmatched::kNoFormat;
  return ParseAccessLine(line, unit_seconds_);
}

LogLine LogParser::ParseJson(std::string_view text) const {
  const auto record = ParseJsonRecord(text, unit_seconds_);
  if (!record) return Unmatched::kNoFormat;
  const bool has_duration =
      record->duration_seconds.has_value() || record->has_unread_duration;
  const auto level = FindLevel(record->level);
  const bool is_complaint = level && *level >= ErrorLevel::kWarning;
  const bool is_status = !record->status.empty() && IsDigit(record->status[0]);
  // What complains and took no time names a status, but is no request's.
  if (access_pattern_ == nullptr && is_status &&
      (!is_complaint || has_duration)) {
    LogLine line = MakeAccessLine(record->status, record->duration_seconds);
    if (auto* const access = std::get_if<AccessLine>(&line))
      access->has_unread_duration = record->has_unread_duration;
    return line;
  }
  if (!is_complaint && !record->message.empty()) {
    const LogLine line = ParseText(record->message, /*may_be_json=*/false);
    if (!std::holds_alternative<Unmatched>(line)) return line;
  }
  if (error_pattern_ == nullptr && !record->level.empty())
    return MakeErrorLine(record->level, record->message);
  if (access_pattern_ == nullptr && !record->status.empty())
    return Unmatched::kBadStatus;
  return Unmatched::kNoFormat;
}

LogLine LogParser::ParseText(std::string_view text, bool may_be_json) const {
  if (access_pattern_ != nullptr) {
    if (const auto line = MatchAccess(text)) return *line;
  }
  const std::string_view first = text.substr(0, text.find('\n'));
  if (error_pattern_ != nullptr) {
    if (const auto line = MatchError(first)) return *line;
  }
  if (may_be_json && first.starts_with('{')) return ParseJson(text);
  return ParseKnown(first);
}

LogLine LogParser::Parse(std::string_view message) const {
  if (message.find('\0') != message.npos) return Unmatched::kBinary;
  return ParseText(message, /*may_be_json=*/true);
}

}  // namespace gunicorn_exporter
