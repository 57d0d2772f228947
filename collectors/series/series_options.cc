#include "collectors/series/series_options.h"

namespace gunicorn_exporter {

std::shared_ptr<const SeriesOptions> MakeSeriesOptions(
    const StatsdConfig& config) {
  auto options = std::make_shared<SeriesOptions>();
  options->sketch.bounds =
      std::make_shared<const std::vector<double>>(config.histogram_buckets);
  options->sketch.schema = config.native_histogram_schema;
  options->sketch.window = config.quantile_window;
  options->quantiles = config.quantiles;
  for (const int code : config.preset_status_codes) {
    const auto index = static_cast<std::size_t>(code);
    if (options->preset_position[index] != 0) continue;  // Listed twice.
    options->preset_codes.push_back(static_cast<std::uint16_t>(code));
    options->preset_position[index] =
        static_cast<std::uint16_t>(options->preset_codes.size());
  }
  return options;
}

}  // namespace gunicorn_exporter
