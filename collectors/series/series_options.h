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
  explicit SeriesOptions(const StatsdConfig& config)
      : sketch{std::make_shared<const std::vector<double>>(
                   config.histogram_buckets),
               config.native_histogram_schema, config.quantile_window},
        backlog_sketch{
            std::make_shared<const std::vector<double>>(
                std::initializer_list<double>{0, 1, 2, 4, 8, 16, 32, 64, 128,
                                              256, 512, 1024, 2048}),
            kLowestSchema},
        foreign_sketch{std::make_shared<const std::vector<double>>(),
                       sketch.schema, sketch.window, 0x1p-100, 0x1p100},
        quantiles(config.quantiles),
        exports_foreign(config.unmatched == UnmatchedLines::kExport) {
    for (const int code : config.preset_status_codes) {
      std::uint16_t& position = preset_position[static_cast<std::size_t>(code)];
      if (position != 0) continue;  // Listed twice.
      preset_codes.push_back(static_cast<std::uint16_t>(code));
      position = static_cast<std::uint16_t>(preset_codes.size());
    }
  }

  // Whether durations that were counted with `other` can be counted on.
  bool SameBuckets(const SeriesOptions& other) const {
    return *sketch.bounds == *other.sketch.bounds &&
           sketch.schema == other.sketch.schema;
  }

  SketchOptions sketch;          // Of durations.
  SketchOptions backlog_sketch;  // Its classic buckets are what is told.
  SketchOptions foreign_sketch;  // Of any numbers: bytes, rows, nanoseconds.
  std::vector<double> quantiles;
  bool exports_foreign = false;
  std::vector<std::uint16_t> preset_codes;  // Each once, 100 to 599.
  // Where a code stands in preset_codes, from 1; 0: it is no preset.
  std::array<std::uint16_t, kStatusCodes> preset_position{};
};

}  // namespace gunicorn_exporter
