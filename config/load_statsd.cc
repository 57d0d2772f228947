#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "config/load_sections.h"
#include "config/tag_label.h"

namespace gunicorn_exporter {
namespace {

std::vector<double> LoadBuckets(const YamlValue& list) {
  std::vector<double> bounds;
  for (const YamlValue& item : list.Items()) {
    const double bound = item.Number();
    if (bound <= 0) {
      item.Fail(item.Describe() + " is not above 0; expected seconds");
    }
    if (!bounds.empty() && bound <= bounds.back()) {
      item.Fail(item.Describe() +
                " is not above the bucket before it; expected ascending "
                "numbers");
    }
    bounds.push_back(bound);
  }
  if (bounds.empty()) list.Fail("no bucket; expected at least one");
  return bounds;
}

std::vector<double> LoadQuantiles(const YamlValue& list) {
  std::vector<double> quantiles;
  for (const YamlValue& item : list.Items()) {
    const double quantile = item.Number();
    if (quantile < 0 || quantile > 1) {
      item.Fail(item.Describe() +
                " is out of range; expected a number from 0 to 1");
    }
    if (std::find(quantiles.begin(), quantiles.end(), quantile) !=
        quantiles.end()) {
      item.Fail(item.Describe() + " is there twice; expected each once");
    }
    quantiles.push_back(quantile);
  }
  std::sort(quantiles.begin(), quantiles.end());
  return quantiles;
}

std::vector<int> LoadStatusCodes(const YamlValue& list) {
  std::vector<int> codes;
  for (const YamlValue& item : list.Items()) {
    const int code = static_cast<int>(item.Integer(100, 599));
    if (std::find(codes.begin(), codes.end(), code) != codes.end()) {
      item.Fail(item.Describe() + " is there twice; expected each once");
    }
    codes.push_back(code);
  }
  return codes;
}

std::vector<std::string> LoadTagLabels(const YamlValue& list) {
  std::vector<std::string> keys;
  std::vector<std::string> names;
  for (const YamlValue& item : list.Items()) {
    const std::string key = item.NonEmptyString();
    if (key.find(':') != key.npos) {
      item.Fail(item.Describe() +
                " is not a tag's key; expected what stands before the colon");
    }
    const std::string name = TagLabelName(key);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      item.Fail(item.Describe() + " becomes the label " + name +
                ", as one before it does; expected each label once");
    }
    keys.push_back(key);
    names.push_back(name);
  }
  return keys;
}

UnmatchedLines LoadUnmatched(const YamlValue& value) {
  const std::string text = value.String();
  if (text == "drop") return UnmatchedLines::kDrop;
  if (text == "export") return UnmatchedLines::kExport;
  value.Fail(Quoted(text) + " is unknown; expected \"drop\" or \"export\"");
}

constexpr KeyRule<StatsdConfig> kStatsdKeys[] = {
    {"series_ttl", Set<&StatsdConfig::series_ttl, &YamlValue::Duration>},
    {"max_series",
     [](const YamlValue& value, StatsdConfig& statsd) {
       statsd.max_series = static_cast<std::size_t>(
           value.Integer(1, std::numeric_limits<std::int64_t>::max()));
     }},
    {"default_app", Set<&StatsdConfig::default_app, &YamlValue::String>},
    {"histogram_buckets", Set<&StatsdConfig::histogram_buckets, LoadBuckets>},
    {"native_histogram_schema",
     [](const YamlValue& value, StatsdConfig& statsd) {
       statsd.native_histogram_schema = static_cast<int>(value.Integer(-4, 8));
     }},
    {"quantiles", Set<&StatsdConfig::quantiles, LoadQuantiles>},
    {"quantile_window",
     Set<&StatsdConfig::quantile_window, &YamlValue::DurationAboveZero>},
    {"preset_status_codes",
     Set<&StatsdConfig::preset_status_codes, LoadStatusCodes>},
    {"tag_labels", Set<&StatsdConfig::tag_labels, LoadTagLabels>},
    {"unmatched", Set<&StatsdConfig::unmatched, LoadUnmatched>},
};

}  // namespace

StatsdConfig LoadStatsd(const YamlValue& section) {
  StatsdConfig statsd;
  ReadMap(section, kStatsdKeys, statsd);
  return statsd;
}

}  // namespace gunicorn_exporter
