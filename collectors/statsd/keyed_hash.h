// Hashing of strings that anybody on the network may choose: the key is drawn
// when the program starts, so that nobody can prepare names that collide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gunicorn_exporter {

// A multiply-and-fold hash (the folded multiply of wyhash and its kin).
std::uint64_t KeyedHash(std::string_view text);

struct KeyedStringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return KeyedHash(text);
  }
};

}  // namespace gunicorn_exporter
