// What the series of all apps share: made of a configuration, never changed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "collectors/series/sketch.h"
#include "config/config.h"

namespace gunicorn_exporter {

inline constexpr std::size_t kStatusCodes = 600;

struct SeriesOptions {
  SketchOptions sketch;
  std::vector<double> quantiles;
  std::vector<std::uint16_t> preset_codes;  // Each once, 100 to 599.
  // Where a code stands in preset_codes, from 1; 0: it is no preset.
  std::array<std::uint16_t, kStatusCodes> preset_position{};

  // Whether durations that were counted with `other` can be counted on.
  bool SameBuckets(const SeriesOptions& other) const {
    return *sketch.bounds == *other.sketch.bounds &&
           sketch.schema == other.sketch.schema;
  }
};

std::shared_ptr<const SeriesOptions> MakeSeriesOptions(
    const StatsdConfig& config);

}  // namespace gunicorn_exporter
