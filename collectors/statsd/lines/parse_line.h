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
#include <string_view>

#include "collectors/statsd/lines/line_verdict.h"
#include "collectors/statsd/lines/sample.h"

namespace gunicorn_exporter {

inline constexpr std::size_t kLongestLine = 8192;
inline constexpr double kSmallestSampleRate = 1e-6;

// `line` has no "\n" and is not empty. `sample` is whole where the answer is
// kAccepted, else undefined.
LineVerdict ParseLine(std::string_view line, Sample& sample);

// Takes the next value off Sample::others, "2:3". False at the end.
bool TakeValue(std::string_view& others, SampleValue& value);

// Takes the next tag off Sample::tags, "app:my_app,env:prod". False at the end.
bool TakeTag(std::string_view& tags, std::string_view& tag);

}  // namespace gunicorn_exporter
