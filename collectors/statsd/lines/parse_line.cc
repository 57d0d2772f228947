#include "collectors/statsd/lines/parse_line.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <system_error>

#include "collectors/statsd/lines/text_marks.h"
#include "config/base/number.h"
#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

// Takes all before the next separator, and the separator, off `text`. False
// where there is none: then all of `text` is taken.
bool TakeUntil(std::string_view& text, char separator,
               std::string_view& taken) {
  const std::size_t end = text.find(separator);
  taken = text.substr(0, end);
  const bool found = end != std::string_view::npos;
  text.remove_prefix(found ? end + 1 : text.size());
  return found;
}

// What stands between the bars of a line.
class Fields {
 public:
  // `bars`: those among the line's first kMarkedBytes.
  Fields(std::string_view line, std::uint64_t bars)
      : line_(line), bars_(bars) {}

  // False where no bar ends the field: it is the last.
  bool Take(std::string_view& field) {
    std::size_t end = 0;
    if (bars_ != 0) {
      end = static_cast<std::size_t>(std::countr_zero(bars_));
      bars_ &= bars_ - 1;
    } else {
      end = EndPastMarks();
    }
    field = {line_.data() + begin_, end - begin_};
    begin_ = end + 1;
    return end < line_.size();
  }

 private:
  std::size_t EndPastMarks() const {
    if (line_.size() <= kMarkedBytes) return line_.size();
    return std::min(line_.find('|', std::max(begin_, kMarkedBytes)),
                    line_.size());
  }

  const std::string_view line_;
  std::uint64_t bars_;
  std::size_t begin_ = 0;
};

// Whole numbers below 2^53 and these powers are exact doubles, so that one
// division rounds correctly.
constexpr double kPowersOfTen[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
constexpr std::size_t kExactDigits = 14;

// Digits with at most one point among them, which is what gunicorn writes.
bool ParsePlain(std::string_view text, double& value) {
  if (text.empty() || text.size() > kExactDigits) return false;
  std::uint64_t digits = 0;
  std::size_t point = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = static_cast<unsigned>(text[i] - '0');
    if (digit <= 9) {
      digits = digits * 10 + digit;
    } else if (text[i] == '.' && point == text.size()) {
      point = i;
    } else {
      return false;
    }
  }
  const std::size_t has_point = point < text.size() ? 1 : 0;
  if (text.size() == has_point) return false;  // "."
  const std::size_t decimals = text.size() - point - has_point;
  value = static_cast<double>(digits);
  if (decimals != 0) value /= kPowersOfTen[decimals];
  return true;
}

// "1", "0.769", "-3", "+5", "1e-3". False where the text is not a finite
// decimal number, whole: NaN, infinity, hexadecimal, spaces, two signs and the
// empty text are none.
bool ParseLongNumber(std::string_view text, SampleValue& number) {
  number.has_sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const bool is_negative = number.has_sign && text[0] == '-';
  if (number.has_sign) text.remove_prefix(1);
  if (!ParsePlain(text, number.value)) {
    if (text.empty() || (!IsDigit(text[0]) && text[0] != '.')) return false;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number.value);
    if (error != std::errc() || stop != end || !std::isfinite(number.value)) {
      return false;
    }
  }
  if (is_negative) number.value = -number.value;
  return true;
}

inline bool ParseNumber(std::string_view text, SampleValue& number) {
  // A counter's "1", which most lines carry, is worth no call.
  if (text.size() == 1 && IsDigit(text[0])) {
    number = {static_cast<double>(text[0] - '0'), false};
    return true;
  }
  return ParseLongNumber(text, number);
}

// kAccepted, kSet or kBadType.
LineVerdict ParseType(std::string_view text, SampleType& type) {
  if (text.size() == 2 && text[0] == 'm' && text[1] == 's') {
    type = SampleType::kTimer;
    return LineVerdict::kAccepted;
  }
  if (text.size() != 1) return LineVerdict::kBadType;
  switch (text[0]) {
    case 'c':
      type = SampleType::kCounter;
      break;
    case 'g':
      type = SampleType::kGauge;
      break;
    case 'h':
      type = SampleType::kHistogram;
      break;
    case 'd':
      type = SampleType::kDistribution;
      break;
    case 's':
      return LineVerdict::kSet;
    default:
      return LineVerdict::kBadType;
  }
  return LineVerdict::kAccepted;
}

bool ParseValues(std::string_view text, Sample& sample) {
  sample.others = {};
  if (ParseNumber(text, sample.first)) return true;  // Alone, as it mostly is.
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

// What stands after the type: "0.5" of "@0.5", null where there is none, and
// the sample's tags. False where a second rate makes it malformed. Of two tag
// lists the first one holds that is not empty.
bool ParseFields(Fields& line, std::string_view& rate, Sample& sample) {
  std::string_view field;
  for (bool more = true; more;) {
    more = line.Take(field);
    if (field.empty()) continue;
    if (field[0] == '@') {
      if (rate.data() != nullptr) return false;
      rate = field.substr(1);
    } else if (field[0] == '#' && sample.tags.empty()) {
      sample.tags = field.substr(1);
    }
  }
  return true;
}

}  // namespace

LineVerdict ParseLine(std::string_view line, Sample& sample) {
  if (line.size() > kLongestLine) return LineVerdict::kTooLong;
  const TextMarks marks = MarkText(line);
  const bool is_ascii = marks.not_ascii == 0 && line.size() <= kMarkedBytes;
  if (!is_ascii && !IsValidUtf8(line)) return LineVerdict::kBadEncoding;
  if (line[0] == '_') {
    // _e{5,4}:title|text and _sc|name|0; "_score:1|c" is a metric.
    if (line.starts_with("_e{")) return LineVerdict::kEvent;
    if (line.starts_with("_sc|") || line == "_sc") {
      return LineVerdict::kServiceCheck;
    }
  }

  // gunicorn.requests:1|c|@1.0|#app:shop
  // ^^^^^^^^^^^^^^^^^ ^ ^
  Fields line_fields(line, marks.bars);
  std::string_view head;
  if (!line_fields.Take(head)) return LineVerdict::kMalformed;
  const std::size_t colon =
      marks.colons != 0
          ? static_cast<std::size_t>(std::countr_zero(marks.colons))
          : head.find(':');
  if (colon >= head.size()) return LineVerdict::kMalformed;
  sample.name = head.substr(0, colon);
  const std::string_view values = head.substr(colon + 1);
  std::string_view type;
  const bool more = line_fields.Take(type);
  if (type.empty()) return LineVerdict::kMalformed;

  // gunicorn.requests:1|c|@1.0|#app:shop
  //                       ^^^^ ^^^^^^^^^
  sample.tags = {};
  std::string_view rate;
  if (more && !ParseFields(line_fields, rate, sample)) {
    return LineVerdict::kMalformed;
  }
  if (sample.name.empty()) return LineVerdict::kMissingName;
  const LineVerdict verdict = ParseType(type, sample.type);
  if (verdict != LineVerdict::kAccepted) return verdict;
  if (!ParseValues(values, sample)) return LineVerdict::kBadValue;
  sample.weight = 1;
  if (rate.data() != nullptr && sample.type != SampleType::kGauge &&
      !ParseWeight(rate, sample.weight)) {
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

}  // namespace gunicorn_exporter
