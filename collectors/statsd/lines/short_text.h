// Compares short texts, word by word and without a call: for the data path.
//
// Never reads outside of the texts. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gunicorn_exporter {

template <typename Word>
Word LoadWord(const char* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

inline bool SameBytes(const char* left, const char* right, std::size_t count) {
  // The last word may share bytes with the one before it.
  const auto same = [&]<typename Word>(Word) {
    for (std::size_t i = 0; i + sizeof(Word) < count; i += sizeof(Word)) {
      if (LoadWord<Word>(left + i) != LoadWord<Word>(right + i)) return false;
    }
    const std::size_t last = count - sizeof(Word);
    return LoadWord<Word>(left + last) == LoadWord<Word>(right + last);
  };
  if (count >= sizeof(std::uint64_t)) return same(std::uint64_t{});
  if (count >= sizeof(std::uint32_t)) return same(std::uint32_t{});
  for (std::size_t i = 0; i < count; ++i) {
    if (left[i] != right[i]) return false;
  }
  return true;
}

inline bool SameText(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         SameBytes(left.data(), right.data(), right.size());
}

inline bool BeginsWith(std::string_view text, std::string_view begin) {
  return text.size() >= begin.size() &&
         SameBytes(text.data(), begin.data(), begin.size());
}

inline bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         SameBytes(text.data() + text.size() - end.size(), end.data(),
                   end.size());
}

}  // namespace gunicorn_exporter
