// Cuts a kernel file's text into lines and words, without copying.
#pragma once

#include <string_view>

namespace gunicorn_exporter {

// Takes the first line off `text`, without its end.
inline std::string_view NextLine(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
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
