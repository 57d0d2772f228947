#include "config/base/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gunicorn_exporter {
namespace {

// The length of the valid sequence that `text` begins with; 0 where it does
// not.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0)
    return text.size() >= 2 && IsUtf8Continuation(text[1]) ? 2 : 0;
  if (first < 0xF0) {
    if (text.size() < 3 || !IsUtf8Continuation(text[1]) ||
        !IsUtf8Continuation(text[2])) {
      return 0;
    }
    if (first == 0xE0 && byte(1) < 0xA0) return 0;   // Overlong.
    if (first == 0xED && byte(1) >= 0xA0) return 0;  // A surrogate.
    return 3;
  }
  if (first < 0xF5) {
    if (text.size() < 4 || !IsUtf8Continuation(text[1]) ||
        !IsUtf8Continuation(text[2]) || !IsUtf8Continuation(text[3])) {
      return 0;
    }
    if (first == 0xF0 && byte(1) < 0x90) return 0;   // Overlong.
    if (first == 0xF4 && byte(1) >= 0x90) return 0;  // Past U+10FFFF.
    return 4;
  }
  return 0;
}

// Looked at eight bytes at a time; the last eight may share some with those
// before them.
bool IsAscii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  std::uint64_t seen = 0;
  const auto look = [&](std::size_t position) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + position, sizeof(word));
    seen |= word;
  };
  if (text.size() < sizeof(seen)) {
    for (const char byte : text) seen |= static_cast<unsigned char>(byte);
  } else {
    for (std::size_t i = 0; i + sizeof(seen) < text.size(); i += sizeof(seen)) {
      look(i);
    }
    look(text.size() - sizeof(seen));
  }
  return (seen & kHighBits) == 0;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  if (IsAscii(text)) return true;
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
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
