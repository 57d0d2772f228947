#include "collectors/statsd/keyed_hash.h"

#include <cstring>
#include <random>

namespace gunicorn_exporter {
namespace {

struct Key {
  std::uint64_t first;
  std::uint64_t second;
};

std::uint64_t RandomWord(std::random_device& device) {
  return (std::uint64_t{device()} << 32U) | device();
}

Key DrawKey() {
  std::random_device device;
  // Odd, and with bits all over: a product with it loses nothing.
  return {RandomWord(device) | 0x8000000000000001U,
          RandomWord(device) | 0x8000000000000001U};
}

const Key kKey = DrawKey();

std::uint64_t Fold(std::uint64_t left, std::uint64_t right) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(left) * right;
  return static_cast<std::uint64_t>(product) ^
         static_cast<std::uint64_t>(product >> 64U);
}

std::uint64_t Load(const char* bytes, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  return word;
}

}  // namespace

std::uint64_t KeyedHash(std::string_view text) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t hash = kKey.second ^ text.size();
  while (text.size() > kWord) {
    hash = Fold(Load(text.data(), kWord) ^ kKey.first, hash ^ kKey.second);
    text.remove_prefix(kWord);
  }
  return Fold(Load(text.data(), text.size()) ^ kKey.first, hash ^ kKey.second);
}

}  // namespace gunicorn_exporter
