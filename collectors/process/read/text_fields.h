// Cuts a kernel file's text into lines, words and parts, without copying.
#pragma once

#include <optional>
#include <string_view>

namespace gunicorn_exporter {

// Takes the first part off `text`, up to `separator`, which goes too.
inline std::string_view NextPart(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

// Takes the first line off `text`, without its end.
inline std::string_view NextLine(std::string_view& text) {
  return NextPart(text, '\n');
}

// What stands behind `key` on the first line that begins with it.
inline std::optional<std::string_view> FindLine(std::string_view text,
                                                std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = NextLine(text);
    if (line.starts_with(key)) return line.substr(key.size());
  }
  return std::nullopt;
}

// Takes the first word off `text`; words stand between blanks. Empty at the
// end.
inline std::string_view NextField(std::string_view& text) {
  constexpr std::string_view kBlanks = " \t\n";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    text = {};
    return {};
  }
  text.remove_prefix(begin);
  const auto end = text.find_first_of(kBlanks);
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(field.size());
  return field;
}

}  // namespace gunicorn_exporter
