// One line of the StatsD protocol, taken apart.
#pragma once

#include <cstdint>
#include <string_view>

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

// All text is borrowed from the line; copy it to keep it.
struct Sample {
  std::string_view name;  // Never empty.
  SampleType type = SampleType::kCounter;
  SampleValue first;
  std::string_view
      others;             // "2:3" of "1:2:3": checked, each a value. Or empty.
  double weight = 1;      // 1 / sample rate: 1 to 1e6. 1 for a gauge.
  std::string_view tags;  // "app:my_app,env:prod" without the #. Or empty.
};

}  // namespace gunicorn_exporter
