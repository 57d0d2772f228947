// Hashing of strings that anybody on the network may choose: the key is drawn
// when the program starts, so that nobody can prepare names that collide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gunicorn_exporter {

struct HashKey {
  std::uint64_t first;
  std::uint64_t second;
};

extern const HashKey kHashKey;

// A multiply-and-fold hash, of the kind of wyhash.
inline std::uint64_t KeyedHash(std::string_view text) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto load = [](const char* bytes, std::size_t count) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, count);
    return word;
  };
  const auto fold = [](std::uint64_t left, std::uint64_t right) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return static_cast<std::uint64_t>(product) ^
           static_cast<std::uint64_t>(product >> 64U);
  };
  const char* bytes = text.data();
  std::size_t left = text.size();
  std::uint64_t hash = kHashKey.second ^ left;
  if (left < kWord) {
    std::uint64_t word = 0;  // Byte by byte: a copy of unknown size is a call.
    for (std::size_t i = 0; i < left; ++i) {
      word = (word << 8U) | static_cast<unsigned char>(bytes[i]);
    }
    return fold(word ^ kHashKey.first, hash);
  }
  for (; left > kWord; left -= kWord, bytes += kWord) {
    hash = fold(load(bytes, kWord) ^ kHashKey.first, hash);
  }
  // The last word, which may share bytes with the one before it.
  return fold(load(bytes + left - kWord, kWord) ^ kHashKey.first, hash);
}

struct KeyedStringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return KeyedHash(text);
  }
};

}  // namespace gunicorn_exporter
