#include "collectors/statsd/lines/number.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace gunicorn_exporter {
namespace {

// Whole numbers below 2^53 and these powers are exact doubles, so that one
// division rounds correctly.
constexpr double kPowersOfTen[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
constexpr std::size_t kExactDigits = 14;

// Digits with at most one point among them, which is what gunicorn writes.
bool ParsePlain(std::string_view text, double& value) {
  if (text.empty() || text.size() > kExactDigits) return false;
  std::uint64_t digits = 0;
  std::size_t point = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = static_cast<unsigned>(text[i] - '0');
    if (digit <= 9) {
      digits = digits * 10 + digit;
    } else if (text[i] == '.' && point == text.size()) {
      point = i;
    } else {
      return false;
    }
  }
  const std::size_t has_point = point < text.size() ? 1 : 0;
  if (text.size() == has_point) return false;  // "."
  const std::size_t decimals = text.size() - point - has_point;
  value = static_cast<double>(digits);
  if (decimals != 0) value /= kPowersOfTen[decimals];
  return true;
}

bool BeginsLikeANumber(std::string_view text) {
  return !text.empty() &&
         ((text[0] >= '0' && text[0] <= '9') || text[0] == '.');
}

}  // namespace

bool ParseLongNumber(std::string_view text, SampleValue& number) {
  number.has_sign = false;
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    number.has_sign = true;
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (!ParsePlain(text, number.value)) {
    if (!BeginsLikeANumber(text)) return false;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number.value);
    if (error != std::errc() || stop != end || !std::isfinite(number.value)) {
      return false;
    }
  }
  if (negative) number.value = -number.value;
  return true;
}

}  // namespace gunicorn_exporter
