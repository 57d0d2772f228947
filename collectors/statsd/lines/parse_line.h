// Parses one line of the StatsD protocol with DogStatsD's additions (datagram
// v1.0 to v1.6):
//
//     <name>:<value>[:<value>...]|<type>[|@<rate>][|#<tag>,...][|c:...][|T...]
//
// Pure functions: no I/O, no clock, no allocation, safe from any thread.
//
// Where several things are wrong, the first of this order is told:
//   1. too_long       over 8192 bytes
//   2. bad_encoding   not UTF-8
//   3. event, service_check (ignored)
//   4. malformed      no `:`, no `|` after it, an empty type, two `@` fields
//   5. missing_name   nothing before the `:`
//   6. bad_type       an unknown type; `s` is ignored as set
//   7. bad_value      a value that is no finite decimal number
//   8. bad_sample_rate
// What a name means, and whether its type and sign fit, is translate.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/statsd/lines/line_counts.h"

namespace gunicorn_exporter {

enum class SampleType : std::uint8_t {
  kCounter,       // c
  kGauge,         // g
  kTimer,         // ms
  kHistogram,     // h
  kDistribution,  // d
};

struct SampleValue {
  double value = 0;       // Finite, as sent: a timer's is in milliseconds.
  bool has_sign = false;  // "+3" or "-3": a change, where the line is a gauge.
};

// One line, taken apart. All text is borrowed from it; copy it to keep it.
struct Sample {
  std::string_view name;  // Never empty.
  SampleType type = SampleType::kCounter;
  SampleValue first;
  // "2:3" of "1:2:3": checked, each a value. Or empty.
  std::string_view others;
  double weight = 1;      // 1 / sample rate: 1 to 1e6. 1 for a gauge.
  std::string_view tags;  // "app:my_app,env:prod" without the #. Or empty.
};

inline constexpr std::size_t kLongestLine = 8192;
inline constexpr double kSmallestSampleRate = 1e-6;

// `line` has no "\n" and is not empty. `sample` is whole where the answer is
// kAccepted, else undefined.
LineVerdict ParseLine(std::string_view line, Sample& sample);

// Takes the next value off Sample::others, "2:3". False at the end.
bool TakeValue(std::string_view& others, SampleValue& value);

// Takes the next tag off Sample::tags, "app:my_app,env:prod". False at the end.
inline bool TakeTag(std::string_view& tags, std::string_view& tag) {
  if (tags.empty()) return false;
  const std::size_t end = tags.find(',');
  tag = tags.substr(0, end);
  tags.remove_prefix(end == std::string_view::npos ? tags.size() : end + 1);
  return true;
}

}  // namespace gunicorn_exporter
