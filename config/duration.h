// Durations as the configuration writes them: "60s", "5m", "1h30m", "1.5s",
// "250ms".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace gunicorn_exporter {

// Units: ms, s, m, h, d; each number may have a fraction. Empty where the text
// is not a duration (a bare number is none) or does not fit.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

}  // namespace gunicorn_exporter
