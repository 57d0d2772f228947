#include "collectors/statsd/lines/foreign_lines.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "collectors/statsd/lines/translate.h"
#include "config/tag_label.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostRefs = 16384;
constexpr std::size_t kMostKeyBytes = 4U << 20U;

MetricType TypeOf(SampleType type) {
  if (type == SampleType::kCounter) return MetricType::kCounter;
  if (type == SampleType::kGauge) return MetricType::kGauge;
  return MetricType::kSummary;
}

// "my--app.orders" is my_app_orders.
std::string MakeForeignName(std::string_view text) {
  std::string single_dashes;
  std::unique_copy(
      text.begin(), text.end(), std::back_inserter(single_dashes),
      [](char left, char right) { return left == '-' && right == '-'; });
  return MakeName(single_dashes);
}

using Tags = std::map<std::string, std::string>;

// shop=a,code=1
// ^^^^^^
void AddTags(std::string_view text, char between, char equals, Tags& tags) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(between), text.size());
    std::string_view tag = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // DogStatsD's PHP client writes "#a:1,#b:2".
    if (equals == ':' && tag.starts_with('#')) tag.remove_prefix(1);
    const std::size_t middle = tag.find(equals);
    if (middle == 0 || middle >= tag.size() - 1) continue;
    std::string name = MakeForeignName(tag.substr(0, middle));
    if (name.starts_with("__")) name.insert(0, "tag_");
    tags.insert_or_assign(std::move(name), tag.substr(middle + 1));
  }
}

// Takes the tags out of a name.
std::string TakeTags(std::string_view name, Tags& tags) {
  // orders[shop=a,code=1].total
  //        ^^^^^^^^^^^^^
  const std::size_t open = name.find('[');
  const std::size_t close = name.find(']');
  const bool has_open = open != std::string_view::npos;
  const bool has_close = close != std::string_view::npos;
  if (has_open && has_close && open < close) {
    AddTags(name.substr(open + 1, close - open - 1), ',', '=', tags);
    return std::string(name.substr(0, open)).append(name.substr(close + 1));
  }
  if (has_open || has_close) return std::string(name);
  // orders;shop=a;code=1
  //        ^^^^^^^^^^^^^
  const std::size_t end = name.find_first_of(",#;");
  if (end != std::string_view::npos) {
    AddTags(name.substr(end + 1), name[end] == ';' ? ';' : ',', '=', tags);
  }
  return std::string(name.substr(0, end));
}

}  // namespace

bool ForeignLines::IsFull() const {
  return refs_.size() > kMostRefs || refs_.key_bytes() > kMostKeyBytes;
}

LineVerdict ForeignLines::Take(const Sample& sample, const AppId& app,
                               std::vector<StoreOp>& ops) {
  if (sample.type != SampleType::kGauge && HasNegative(sample)) {
    return LineVerdict::kBadValue;
  }
  constexpr char kPart = '\xFF';  // Not in UTF-8.
  const MetricType type = TypeOf(sample.type);
  text_ = static_cast<char>(type);
  const auto add = [this](std::string_view part) {
    text_ += part;
    text_ += kPart;
  };
  add(sample.name);
  add(sample.tags);
  add(app.name);
  add(app.pod_uid);
  add(app.container_id);
  StoreOp op;
  op.ref = refs_.Find(text_);
  if (op.ref == nullptr) {
    ForeignMetric metric{{}, type};
    if (!MakeForeignKey(sample.name, sample.tags, metric.key)) {
      return LineVerdict::kMalformed;
    }
    if (metric.key.name.empty()) return LineVerdict::kMissingName;
    // Its app has this name as a label of its own.
    std::erase(metric.key.tags, Label{"app", app.name});
    SeriesRef made{{app, {}}};
    made.foreign = std::make_unique<const ForeignMetric>(std::move(metric));
    op.ref = &refs_.Insert(text_, std::move(made));
  }
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

bool MakeForeignKey(std::string_view name, std::string_view tags,
                    ForeignKey& key) {
  Tags found;
  key.name = MakeForeignName(TakeTags(name, found));
  if (!found.empty() && !tags.empty()) return false;
  AddTags(tags, ',', ':', found);
  key.tags.clear();
  for (auto& [tag, value] : found) key.tags.push_back({tag, std::move(value)});
  return true;
}

}  // namespace gunicorn_exporter
