// Compares short texts, word by word and without a call: for the data path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gunicorn_exporter {

inline bool SameBytes(const char* left, const char* right, std::size_t count) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto load = [](const char* bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, kWord);
    return word;
  };
  if (count < kWord) {
    for (std::size_t i = 0; i < count; ++i) {
      if (left[i] != right[i]) return false;
    }
    return true;
  }
  for (std::size_t i = 0; i + kWord <= count; i += kWord) {
    if (load(left + i) != load(right + i)) return false;
  }
  // The last word, which may share bytes with the one before it.
  return load(left + count - kWord) == load(right + count - kWord);
}

inline bool SameText(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         SameBytes(left.data(), right.data(), left.size());
}

inline bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         SameBytes(text.data() + text.size() - end.size(), end.data(),
                   end.size());
}

}  // namespace gunicorn_exporter
