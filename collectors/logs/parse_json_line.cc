#include "collectors/logs/parse_json_line.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "collectors/logs/parse_number.h"

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kStatusKeys[] = {"status", "status_code",
                                            "response_status", "s"};
// gunicorn's own, the finest first.
constexpr std::pair<std::string_view, double> kAtoms[] = {
    {"D", 1e-6}, {"L", 1}, {"M", 1e-3}, {"T", 1}};
constexpr std::string_view kDurationKeys[] = {
    "duration",         "request_time",      "response_time",
    "request_duration", "response_duration", "elapsed"};
constexpr std::pair<std::string_view, double> kSuffixes[] = {
    {"_us", 1e-6}, {"_microseconds", 1e-6},
    {"_ms", 1e-3}, {"_milliseconds", 1e-3},
    {"_s", 1},     {"_seconds", 1}};

// A number, or its text; empty where it is neither or cannot be a duration.
std::optional<double> Number(const Json& value) {
  if (value.is_number()) {
    const double number = value.get<double>();
    if (std::isfinite(number) && number >= 0) return number;
    return std::nullopt;
  }
  if (value.is_string())
    return ParseLogDecimal(value.get_ref<const std::string&>());
  return std::nullopt;
}

std::optional<double> Find(const Json& object, std::string_view key,
                           double unit_seconds) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  auto number = Number(*found);
  if (number) *number *= unit_seconds;
  return number;
}

// The key has no unit. The value may: 0.0125, "0.0125", "12ms".
std::optional<double> FindWithoutUnit(const Json& object, std::string_view key,
                                      double unit_seconds) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  if (unit_seconds > 0) {
    if (const auto number = Number(*found)) return *number * unit_seconds;
  }
  if (found->is_number_float()) return Number(*found);
  if (found->is_string())
    return ParseLogSeconds(found->get_ref<const std::string&>());
  return std::nullopt;
}

std::optional<double> FindDuration(const Json& object, double unit_seconds) {
  for (const auto& [key, seconds_of_one] : kAtoms) {
    if (const auto seconds = Find(object, key, seconds_of_one)) return seconds;
  }
  for (const std::string_view key : kDurationKeys) {
    for (const auto& [suffix, seconds_of_one] : kSuffixes) {
      const std::string name = std::string(key) + std::string(suffix);
      if (const auto seconds = Find(object, name, seconds_of_one))
        return seconds;
    }
    if (const auto seconds = FindWithoutUnit(object, key, unit_seconds))
      return seconds;
  }
  return std::nullopt;
}

}  // namespace

LogLine ParseJsonLine(std::string_view text, double unit_seconds) {
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Unmatched::kNoFormat;
  for (const std::string_view key : kStatusKeys) {
    const auto found = object.find(key);
    if (found == object.end()) continue;
    const auto status = Number(*found);
    if (!status || *status != std::floor(*status) || *status < 100 ||
        *status > 599) {
      return Unmatched::kBadStatus;
    }
    return AccessLine{static_cast<std::uint16_t>(*status),
                      FindDuration(object, unit_seconds)};
  }
  return Unmatched::kNoFormat;
}

}  // namespace gunicorn_exporter
