#include "collectors/logs/parse_access_line.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "collectors/logs/scan_text.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

using Whole = std::uint64_t;

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
void ReadDuration(std::string_view rest, double unit_seconds,
                  AccessLine& line) {
  std::optional<Whole> whole_number;
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
      if (!TakeQuoted(rest)) return;
      if (client_texts-- > 0) continue;
      const std::size_t size = before.size() - rest.size();
      // "%(L)s" in quotes is a number all the same.
      token = before.substr(1, size - 2);
    } else {
      token = rest.substr(0, rest.find_first_of(" /"));
      rest.remove_prefix(token.size());
    }
    if (const auto seconds = ParseLogSeconds(token)) {
      line.duration_seconds = seconds;
      return;
    }
    if (const auto number = ParseNumber<Whole>(token)) {
      ++whole_numbers;
      whole_number = number;
    }
  }
  if (whole_numbers > 1) line.has_unread_duration = true;
  if (whole_numbers != 1) return;
  line.is_unit_assumed = unit_seconds == 0;
  line.duration_seconds = static_cast<double>(*whole_number) *
                          (line.is_unit_assumed ? 1e-6 : unit_seconds);
}

// 127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] "GET / HTTP/1.1" 200 2 "-" "-"
//               ^
// What stands before the time may be anything, as with X-Forwarded-For.
LogLine ParseCombined(std::string_view line, double unit_seconds) {
  static constexpr std::string_view kTime = "[99/aaa/9999:99:99:99 a9999] \"";
  std::size_t start = line.find('[');
  while (start != line.npos && !HasShape(line.substr(start), kTime)) {
    start = line.find('[', start + 1);
  }
  if (start == line.npos || start == 0) return Unmatched::kNoFormat;
  std::string_view rest = line.substr(start + kTime.size() - 1);
  if (!TakeQuoted(rest) || !TakeText(rest, " ")) return Unmatched::kNoFormat;
  const std::string_view status = TakeUntil(rest, ' ');
  const std::string_view size = TakeUntil(rest, ' ');
  if (!ParseNumber<Whole>(status)) return Unmatched::kNoFormat;
  if (size != "-" && !ParseNumber<Whole>(size)) return Unmatched::kNoFormat;
  LogLine made = MakeAccessLine(status, {});
  if (auto* const access = std::get_if<AccessLine>(&made))
    ReadDuration(rest, unit_seconds, *access);
  return made;
}

bool IsRequest(std::string_view text) {
  constexpr std::string_view kProtocol = " HTTP/";
  const std::size_t version = text.rfind(kProtocol);
  return version != text.npos && version != 0 &&
         HasShape(text.substr(version + kProtocol.size()), "9");
}

// INFO:     127.0.0.1:42514 - "GET / HTTP/1.1" 200 OK
//           ^^^^^^^^^^^^^^^     ^
// The level and the phrase are there where uvicorn runs on its own. The client
// is missing on a unix socket.
LogLine ParseUvicorn(std::string_view line) {
  static constexpr std::string_view kBetween = " - \"";
  const std::size_t between = line.find(kBetween);
  if (between == line.npos) return Unmatched::kNoFormat;
  std::string_view client = line.substr(0, between);
  client.remove_prefix(client.rfind(' ') + 1);
  if (!client.empty() && client.find(':') == client.npos)
    return Unmatched::kNoFormat;
  std::string_view rest = line.substr(between + kBetween.size() - 1);
  const std::string_view quoted = rest;
  if (!TakeQuoted(rest)) return Unmatched::kNoFormat;
  if (!IsRequest(quoted.substr(1, quoted.size() - rest.size() - 2)) ||
      !TakeText(rest, " ")) {
    return Unmatched::kNoFormat;
  }
  const std::string_view status = TakeUntil(rest, ' ');
  if (!ParseNumber<Whole>(status)) return Unmatched::kNoFormat;
  if (!rest.empty() && (rest[0] < 'A' || rest[0] > 'Z'))
    return Unmatched::kNoFormat;
  return MakeAccessLine(status, {});
}

}  // namespace

LogLine MakeAccessLine(std::string_view status, std::optional<double> seconds) {
  const auto code = ParseNumber<Whole>(status);
  if (!code || *code < 100 || *code > 599) return Unmatched::kBadStatus;
  return AccessLine{static_cast<std::uint16_t>(*code), seconds};
}

std::optional<double> ParseLogDecimal(std::string_view text) {
  if (text.find_first_not_of("0123456789.") != text.npos) return std::nullopt;
  return ParseNumber<double>(text);
}

std::optional<double> ParseLogSeconds(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1e-3}, {"us", 1e-6}, {"\xc2\xb5s", 1e-6}, {"s", 1}};
  for (const auto& [unit, seconds] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto value =
        ParseLogDecimal(text.substr(0, text.size() - unit.size()));
    if (!value) return std::nullopt;
    return *value * seconds;
  }
  if (text.find('.') == text.npos) return std::nullopt;
  return ParseLogDecimal(text);
}

LogLine ParseAccessLine(std::string_view line, double unit_seconds) {
  const LogLine made = ParseCombined(line, unit_seconds);
  if (made != LogLine(Unmatched::kNoFormat)) return made;
  return ParseUvicorn(line);
}

}  // namespace gunicorn_exporter
