#include "collectors/statsd/parse_line.h"

#include "collectors/statsd/number.h"
#include "config/utf8.h"

namespace gunicorn_exporter {
namespace {

// Takes all before the next separator, and the separator, off `text`. False
// where there is none: then all of `text` is taken. A loop, since what it takes
// is some bytes long.
inline bool TakeUntil(std::string_view& text, char separator,
                      std::string_view& taken) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != separator) ++end;
  taken = text.substr(0, end);
  const bool found = end < text.size();
  text.remove_prefix(found ? end + 1 : end);
  return found;
}

enum class TypeField { kKnown, kSet, kUnknown };

TypeField ParseType(std::string_view text, SampleType& type) {
  if (text.size() == 2 && text[0] == 'm' && text[1] == 's') {
    type = SampleType::kTimer;
    return TypeField::kKnown;
  }
  if (text.size() != 1) return TypeField::kUnknown;
  switch (text[0]) {
    case 'c':
      type = SampleType::kCounter;
      return TypeField::kKnown;
    case 'g':
      type = SampleType::kGauge;
      return TypeField::kKnown;
    case 'h':
      type = SampleType::kHistogram;
      return TypeField::kKnown;
    case 'd':
      type = SampleType::kDistribution;
      return TypeField::kKnown;
    case 's':
      return TypeField::kSet;
    default:
      return TypeField::kUnknown;
  }
}

bool IsEvent(std::string_view line) { return line.starts_with("_e{"); }

// _sc|<name>|<status>; "_score:1|c" is a metric.
bool IsServiceCheck(std::string_view line) {
  return line.starts_with("_sc|") || line == "_sc";
}

bool ParseValues(std::string_view text, Sample& sample) {
  std::string_view first;
  bool more = TakeUntil(text, ':', first);
  if (!ParseNumber(first, sample.first)) return false;
  sample.others = text;
  SampleValue value;
  while (more) {
    std::string_view next;
    more = TakeUntil(text, ':', next);
    if (!ParseNumber(next, value)) return false;
  }
  return true;
}

bool ParseWeight(std::string_view rate_text, double& weight) {
  if (rate_text == "1.0") return true;  // What gunicorn writes.
  SampleValue rate;
  if (!ParseNumber(rate_text, rate) || rate.value < kSmallestSampleRate ||
      rate.value > 1) {
    return false;
  }
  weight = 1 / rate.value;
  return true;
}

struct OptionalFields {
  bool has_rate = false;
  std::string_view rate;
  bool has_tags = false;
};

// What stands after the type. False where a second rate makes it malformed. Of
// two tag lists the first one holds.
bool ParseFields(std::string_view text, OptionalFields& fields,
                 Sample& sample) {
  std::string_view field;
  while (!text.empty()) {
    TakeUntil(text, '|', field);
    if (field.empty()) continue;
    if (field[0] == '@') {
      if (fields.has_rate) return false;
      fields.has_rate = true;
      fields.rate = field.substr(1);
    } else if (field[0] == '#' && !fields.has_tags) {
      fields.has_tags = true;
      sample.tags = field.substr(1);
    }
  }
  return true;
}

}  // namespace

LineVerdict ParseLine(std::string_view line, Sample& sample) {
  if (line.size() > kLongestLine) return LineVerdict::kTooLong;
  if (!IsValidUtf8(line)) return LineVerdict::kBadEncoding;
  if (line[0] == '_') {
    if (IsEvent(line)) return LineVerdict::kEvent;
    if (IsServiceCheck(line)) return LineVerdict::kServiceCheck;
  }

  // gunicorn.requests:1|c|@1.0|#app:shop
  // ^^^^^^^^^^^^^^^^^ ^ ^
  const std::size_t colon = line.find(':');
  const std::size_t bar = line.find('|');
  if (colon == std::string_view::npos || bar == std::string_view::npos ||
      bar < colon) {
    return LineVerdict::kMalformed;
  }
  sample.name = line.substr(0, colon);
  const std::string_view values = line.substr(colon + 1, bar - colon - 1);
  std::string_view rest = line.substr(bar + 1);
  std::string_view type;
  TakeUntil(rest, '|', type);
  if (type.empty()) return LineVerdict::kMalformed;

  // gunicorn.requests:1|c|@1.0|#app:shop
  //                       ^^^^ ^^^^^^^^^
  sample.tags = {};
  OptionalFields fields;
  if (!ParseFields(rest, fields, sample)) return LineVerdict::kMalformed;
  if (sample.name.empty()) return LineVerdict::kMissingName;
  switch (ParseType(type, sample.type)) {
    case TypeField::kSet:
      return LineVerdict::kSet;
    case TypeField::kUnknown:
      return LineVerdict::kBadType;
    case TypeField::kKnown:
      break;
  }
  if (!ParseValues(values, sample)) return LineVerdict::kBadValue;
  sample.weight = 1;
  if (fields.has_rate && sample.type != SampleType::kGauge &&
      !ParseWeight(fields.rate, sample.weight)) {
    return LineVerdict::kBadSampleRate;
  }
  return LineVerdict::kAccepted;
}

bool TakeValue(std::string_view& others, SampleValue& value) {
  if (others.empty()) return false;
  std::string_view text;
  TakeUntil(others, ':', text);
  return ParseNumber(text, value);
}

bool TakeTag(std::string_view& tags, std::string_view& tag) {
  if (tags.empty()) return false;
  TakeUntil(tags, ',', tag);
  return true;
}

}  // namespace gunicorn_exporter
