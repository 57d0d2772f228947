// Any bytes as one StatsD line: a verdict and, where it is accepted, a sample
// that keeps its promises.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collectors/statsd/lines/foreign_lines.h"
#include "collectors/statsd/lines/parse_line.h"
#include "collectors/statsd/lines/translate.h"
#include "config/base/number.h"
#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckValue(const SampleValue& value, bool may_be_negative) {
  Require(std::isfinite(value.value));
  Require(may_be_negative || value.value >= 0);
}

void CheckTags(const Sample& sample) {
  std::string_view tags = sample.tags;
  std::string_view tag;
  std::size_t bytes = 0;
  while (TakeTag(tags, tag)) bytes += tag.size() + 1;
  Require(bytes <= sample.tags.size() + 1);
}

void CheckEvent(const Sample& sample) {
  Event event;
  std::string_view prefix;
  if (Translate(sample, event, prefix) != LineVerdict::kAccepted) return;
  const bool is_gauge = event.kind == EventKind::kArbiterWorkers;
  Require(is_gauge || !HasNegative(sample));
  Require((event.kind == EventKind::kStatus) ==
          (event.code >= 100 && event.code <= 599));
  Require(prefix.size() < sample.name.size());
  SetEventValue(sample.first, event);
  Require(std::isfinite(event.value) && (is_gauge || event.value >= 0));
}

void RequireName(std::string_view name) {
  Require(name.empty() || !IsDigit(name[0]));
  Require(std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c == '_' || (c < 0x80 && std::isalnum(c) != 0);
  }));
}

void CheckForeign(const Sample& sample) {
  ForeignKey key;
  if (!MakeForeignKey(sample.name, sample.tags, key)) return;
  RequireName(key.name);
  for (const Label& tag : key.tags) {
    RequireName(tag.name);
    Require(!tag.name.empty() && !tag.value.empty());
    Require(!tag.name.starts_with("__"));
    Require(&tag == &key.tags.front() || (&tag)[-1].name < tag.name);
  }
}

void Check(std::string_view line) {
  Sample sample;
  const LineVerdict verdict = ParseLine(line, sample);
  Require(verdict != LineVerdict::kUnmatched);
  if (verdict != LineVerdict::kAccepted) return;
  Require(line.size() <= kLongestLine && IsValidUtf8(line));
  Require(!sample.name.empty());
  Require(sample.name.find_first_of(":|") == std::string_view::npos);
  Require(sample.weight >= 1 && sample.weight <= 1 / kSmallestSampleRate);
  CheckValue(sample.first, true);
  std::string_view others = sample.others;
  SampleValue value;
  while (!others.empty()) {
    Require(TakeValue(others, value));
    CheckValue(value, true);
  }
  CheckTags(sample);
  CheckEvent(sample);
  CheckForeign(sample);
}

}  // namespace
}  // namespace gunicorn_exporter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  gunicorn_exporter::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
