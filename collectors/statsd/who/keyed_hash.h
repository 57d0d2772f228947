// Hashing of strings that anybody on the network may choose: the key is drawn
// when the program starts, so that nobody can prepare names that collide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>

#include "collectors/statsd/lines/short_text.h"

namespace gunicorn_exporter {

struct HashKey {
  std::uint64_t first;
  std::uint64_t second;
};

inline const HashKey kHashKey = [] {
  std::random_device device;
  const auto word = [&] {
    // Odd, and with its highest bit: a product with it loses nothing.
    return (std::uint64_t{device()} << 32U) | device() | 0x8000000000000001U;
  };
  return HashKey{word(), word()};
}();

// A multiply-and-fold hash, of the kind of wyhash.
inline std::uint64_t KeyedHash(std::string_view text) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  constexpr std::size_t kHalf = sizeof(std::uint32_t);
  const auto fold = [](std::uint64_t left, std::uint64_t right) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return static_cast<std::uint64_t>(product) ^
           static_cast<std::uint64_t>(product >> 64U);
  };
  const char* bytes = text.data();
  std::size_t left = text.size();
  std::uint64_t hash = kHashKey.second ^ left;
  std::uint64_t last = 0;  // It may share bytes with the word before it.
  if (left >= kWord) {
    for (; left > kWord; left -= kWord, bytes += kWord) {
      hash = fold(LoadWord<std::uint64_t>(bytes) ^ kHashKey.first, hash);
    }
    last = LoadWord<std::uint64_t>(bytes + left - kWord);
  } else if (left >= kHalf) {
    last = std::uint64_t{LoadWord<std::uint32_t>(bytes)} << 32U |
           LoadWord<std::uint32_t>(bytes + left - kHalf);
  } else {
    for (std::size_t i = 0; i < left; ++i) {
      last = last << 8U | static_cast<unsigned char>(bytes[i]);
    }
  }
  return fold(last ^ kHashKey.first, hash);
}

}  // namespace gunicorn_exporter
