#include "collectors/statsd/lines/foreign_lines.h"

#include "collectors/statsd/lines/foreign_name.h"
#include "collectors/statsd/lines/translate.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostRefs = 16384;
constexpr std::size_t kMostKeyBytes = 4U << 20U;

MetricType TypeOf(SampleType type) {
  switch (type) {
    case SampleType::kCounter:
      return MetricType::kCounter;
    case SampleType::kGauge:
      return MetricType::kGauge;
    case SampleType::kTimer:
    case SampleType::kHistogram:
    case SampleType::kDistribution:
      break;
  }
  return MetricType::kSummary;
}

}  // namespace

bool ForeignLines::IsFull() const {
  return refs_.size() > kMostRefs ||
         refs_.key_bytes() + types_.key_bytes() > kMostKeyBytes;
}

void ForeignLines::Clear() {
  types_.Clear();
  refs_.Clear();
}

const ForeignRef* ForeignLines::Resolve(const Sample& sample,
                                        const SeriesKey& key) {
  const MetricType type = TypeOf(sample.type);
  const MetricType* const known = types_.Find(name_);
  if (known == nullptr) {
    types_.Insert(name_, type);
  } else if (*known != type) {
    return nullptr;
  }
  std::string key_text = ToText(key);
  text_ = name_;
  text_ += '\xFF';
  text_ += key_text;
  const ForeignRef* const ref = refs_.Find(text_);
  if (ref != nullptr) return ref;
  return &refs_.Insert(text_, {name_, type, key, std::move(key_text)});
}

LineVerdict ForeignLines::Take(const Sample& sample, const SeriesKey& key) {
  MakeForeignName(sample.name, name_);
  if (name_.empty()) return LineVerdict::kMissingName;
  if (IsOwnName(name_)) return LineVerdict::kUnmatched;
  if (sample.type != SampleType::kGauge && HasNegative(sample)) {
    return LineVerdict::kBadValue;
  }
  ForeignOp op;
  op.ref = Resolve(sample, key);
  if (op.ref == nullptr) return LineVerdict::kBadType;
  constexpr double kMillisecondsInASecond = 1000;
  const double unit =
      sample.type == SampleType::kTimer ? kMillisecondsInASecond : 1;
  op.weight = sample.weight;
  SampleValue value = sample.first;
  std::string_view others = sample.others;
  do {
    op.value = value.value / unit;
    op.is_delta = value.has_sign;
    ops_.push_back(op);
    op.begins_line = false;
  } while (TakeValue(others, value));
  return LineVerdict::kAccepted;
}

}  // namespace gunicorn_exporter
