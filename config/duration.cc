#include "config/duration.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace gunicorn_exporter {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 5> kUnits = {{
    {"ms", 1},  // Before "m", which it begins with.
    {"s", 1000},
    {"m", 60 * 1000},
    {"h", 60 * 60 * 1000},
    {"d", 24 * 60 * 60 * 1000},
}};

// A hundred years: what is longer is a slip, and overflows nothing.
constexpr double kLongestMs = 100.0 * 365 * 24 * 60 * 60 * 1000;

// Takes the unit that `text` begins with; 0 where there is none.
double TakeUnitMs(std::string_view& text) {
  for (const auto& [unit, milliseconds] : kUnits) {
    if (text.starts_with(unit)) {
      text.remove_prefix(unit.size());
      return milliseconds;
    }
  }
  return 0;
}

}  // namespace

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total_ms = 0;
  while (!text.empty()) {
    // 1h30m
    // ^ then ^^
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number,
                        std::chars_format::fixed);
    if (error != std::errc() || !std::isfinite(number) ||
        std::signbit(number)) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const double unit_ms = TakeUnitMs(text);
    if (unit_ms == 0) return std::nullopt;
    total_ms += number * unit_ms;
  }
  if (total_ms > kLongestMs) return std::nullopt;
  // A positive time under a millisecond must not become 0, which may mean
  // "never".
  return std::chrono::milliseconds(std::llround(std::ceil(total_ms)));
}

}  // namespace gunicorn_exporter
