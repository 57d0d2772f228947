#include "collectors/logs/parse_number.h"

#include <charconv>
#include <system_error>
#include <utility>

namespace gunicorn_exporter {

std::optional<double> ParseLogDecimal(std::string_view text) {
  // A sign, an exponent and the words "inf" and "nan" are for from_chars.
  if (text.empty() || text.find_first_not_of("0123456789.") != text.npos ||
      text.size() > 32) {
    return std::nullopt;
  }
  double value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] =
      std::from_chars(text.data(), last, value, std::chars_format::fixed);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<double> ParseLogWhole(std::string_view text) {
  if (text.find('.') != text.npos || text.size() > 15) return std::nullopt;
  return ParseLogDecimal(text);
}

std::optional<double> ParseLogSeconds(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1e-3}, {"us", 1e-6}, {"\xc2\xb5s", 1e-6}, {"s", 1}};
  for (const auto& [unit, seconds] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto value =
        ParseLogDecimal(text.substr(0, text.size() - unit.size()));
    if (!value) return std::nullopt;
    return *value * seconds;
  }
  if (text.find('.') == text.npos) return std::nullopt;
  return ParseLogDecimal(text);
}

}  // namespace gunicorn_exporter
