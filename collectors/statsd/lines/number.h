// The numbers of a StatsD line: "1", "0.769", "-3", "+5", "1e-3".
#pragma once

#include <string_view>

#include "collectors/statsd/lines/sample.h"

namespace gunicorn_exporter {

// What ParseNumber does with all but a single digit.
bool ParseLongNumber(std::string_view text, SampleValue& number);

// False where the text is not a finite decimal number, whole: NaN, infinity,
// hexadecimal, spaces, two signs and the empty text are none. Does not
// allocate.
inline bool ParseNumber(std::string_view text, SampleValue& number) {
  // A counter's "1", which most lines carry, is worth no call.
  if (text.size() == 1 && text[0] >= '0' && text[0] <= '9') {
    number = {static_cast<double>(text[0] - '0'), false};
    return true;
  }
  return ParseLongNumber(text, number);
}

}  // namespace gunicorn_exporter
