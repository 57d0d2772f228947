#include "collectors/statsd/lines/foreign_lines.h"

#include <memory>
#include <string_view>
#include <utility>

#include "collectors/statsd/lines/foreign_name.h"
#include "collectors/statsd/lines/translate.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostRefs = 16384;
constexpr std::size_t kMostKeyBytes = 4U << 20U;

MetricType TypeOf(SampleType type) {
  if (type == SampleType::kCounter) return MetricType::kCounter;
  if (type == SampleType::kGauge) return MetricType::kGauge;
  return MetricType::kSummary;
}

}  // namespace

bool ForeignLines::IsFull() const {
  return refs_.size() > kMostRefs || refs_.key_bytes() > kMostKeyBytes;
}

SeriesRef& ForeignLines::Resolve(MetricType type, const SeriesKey& key) {
  constexpr char kPart = '\xFF';  // Not in UTF-8.
  text_ = static_cast<char>(type);
  for (const std::string* const part :
       {&std::as_const(name_), &key.app.name, &key.app.pod_uid,
        &key.app.container_id}) {
    text_ += *part;
    text_ += kPart;
  }
  for (const Label& tag : key.tags) {
    text_ += tag.name;
    text_ += kPart;
    text_ += tag.value;
    text_ += kPart;
  }
  SeriesRef* const known = refs_.Find(text_);
  if (known != nullptr) return *known;
  SeriesRef made{key};
  made.foreign =
      std::make_unique<const ForeignMetric>(ForeignMetric{name_, type});
  return refs_.Insert(text_, std::move(made));
}

LineVerdict ForeignLines::Take(const Sample& sample, const SeriesKey& key,
                               std::vector<StoreOp>& ops) {
  MakeForeignName(sample.name, name_);
  if (name_.empty()) return LineVerdict::kMissingName;
  if (IsOwnName(name_)) return LineVerdict::kUnmatched;
  if (sample.type != SampleType::kGauge && HasNegative(sample)) {
    return LineVerdict::kBadValue;
  }
  StoreOp op;
  op.ref = &Resolve(TypeOf(sample.type), key);
  op.event.kind = EventKind::kForeign;
  op.event.weight = sample.weight;
  constexpr double kMillisecondsInASecond = 1000;
  const double unit =
      sample.type == SampleType::kTimer ? kMillisecondsInASecond : 1;
  SampleValue value = sample.first;
  std::string_view others = sample.others;
  do {
    op.event.value = value.value / unit;
    op.event.is_delta = value.has_sign;
    ops.push_back(op);
    op.begins_line = false;
  } while (TakeValue(others, value));
  return LineVerdict::kAccepted;
}

}  // namespace gunicorn_exporter
