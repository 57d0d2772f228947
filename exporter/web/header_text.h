// Words of HTTP's headers (RFC 9110, 5.6). Pure functions.
#pragma once

#include <strings.h>

#include <string_view>

namespace gunicorn_exporter {

// Without the blanks and tabs around it.
inline std::string_view TrimBlanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

inline bool EqualsIgnoringCase(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         strncasecmp(left.data(), right.data(), left.size()) == 0;
}

// A method's or a header's name: letters, digits and some marks, at least one.
inline bool IsToken(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of(
             "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
             "abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
}

}  // namespace gunicorn_exporter
