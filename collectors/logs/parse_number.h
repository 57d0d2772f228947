// The numbers of log lines. Pure; each is empty where the whole text is none.
#pragma once

#include <optional>
#include <string_view>

namespace gunicorn_exporter {

// "1523": digits only, below 2^53.
std::optional<double> ParseLogWhole(std::string_view text);

// "1523", "0.0015": digits with at most one point, finite.
std::optional<double> ParseLogDecimal(std::string_view text);

// Seconds, where the text says that they are: "0.0015", "12ms", "350us", "0s".
// A whole number without a unit does not.
std::optional<double> ParseLogSeconds(std::string_view text);

}  // namespace gunicorn_exporter
