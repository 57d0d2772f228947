// Small steps of reading a text from its begin. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "config/base/number.h"

namespace gunicorn_exporter {

// Whether the text begins in the mask's shape: '9' stands for a digit, 'a' for
// any byte, all else for itself.
inline bool HasShape(std::string_view text, std::string_view mask) {
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
inline std::string_view TakeUntil(std::string_view& rest, char delimiter) {
  const std::string_view token = rest.substr(0, rest.find(delimiter));
  rest.remove_prefix(std::min(rest.size(), token.size() + 1));
  return token;
}

// Takes `text` where the rest begins with it.
inline bool TakeText(std::string_view& rest, std::string_view text) {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

}  // namespace gunicorn_exporter
