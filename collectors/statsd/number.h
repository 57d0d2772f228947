// The numbers of a StatsD line: "1", "0.769", "-3", "+5", "1e-3".
#pragma once

#include <string_view>

#include "collectors/statsd/sample.h"

namespace gunicorn_exporter {

// False where the text is not a finite decimal number, whole: NaN, infinity,
// hexadecimal, spaces, two signs and the empty text are none. Does not
// allocate.
bool ParseNumber(std::string_view text, SampleValue& number);

}  // namespace gunicorn_exporter
