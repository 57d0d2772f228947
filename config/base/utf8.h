// UTF-8 validity (RFC 3629): no overlong forms, no surrogates, nothing past
// U+10FFFF. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// Of a byte: whether it goes on with a character that began before it.
constexpr bool IsUtf8Continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

bool IsValidUtf8(std::string_view text);

// The text with U+FFFD in place of each byte that is not part of a valid
// sequence.
std::string ToValidUtf8(std::string_view text);

}  // namespace gunicorn_exporter
