#include "config/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gunicorn_exporter {
namespace {

bool IsContinuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

// The length of the valid sequence that `text` begins with; 0 where it does
// not.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return text.size() >= 2 && IsContinuation(byte(1)) ? 2 : 0;
  if (first < 0xF0) {
    if (text.size() < 3 || !IsContinuation(byte(1)) ||
        !IsContinuation(byte(2))) {
      return 0;
    }
    if (first == 0xE0 && byte(1) < 0xA0) return 0;   // Overlong.
    if (first == 0xED && byte(1) >= 0xA0) return 0;  // A surrogate.
    return 3;
  }
  if (first < 0xF5) {
    if (text.size() < 4 || !IsContinuation(byte(1)) ||
        !IsContinuation(byte(2)) || !IsContinuation(byte(3))) {
      return 0;
    }
    if (first == 0xF0 && byte(1) < 0x90) return 0;   // Overlong.
    if (first == 0xF4 && byte(1) >= 0x90) return 0;  // Past U+10FFFF.
    return 4;
  }
  return 0;
}

// How many bytes at the front are ASCII, looked at eight at a time.
std::size_t AsciiPrefix(std::string_view text) {
  std::size_t i = 0;
  while (i + sizeof(std::uint64_t) <= text.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, sizeof(word));
    if ((word & 0x8080808080808080U) != 0) break;
    i += sizeof(word);
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  for (;;) {
    text.remove_prefix(AsciiPrefix(text));
    if (text.empty()) return true;
    const std::size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
}

std::string ToValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = SequenceLength(text);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
      length = 1;
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return valid;
}

}  // namespace gunicorn_exporter
