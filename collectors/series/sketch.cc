#include "collectors/series/sketch.h"

#include <algorithm>
#include <cmath>

namespace gunicorn_exporter {
namespace {

// A sixth of the window, rounded up.
std::int64_t SlotWidth(std::chrono::milliseconds window, std::int64_t slots) {
  return std::max<std::int64_t>(1, (window.count() + slots - 1) / slots);
}

}  // namespace

Sketch::Sketch(const SketchOptions& options)
    : bounds_(options.bounds),
      zero_threshold_(options.zero_threshold),
      greatest_(options.greatest),
      slot_ms_(SlotWidth(options.window, kSlotsInWindow)),
      schema_(options.schema),
      classic_(options.bounds->size()) {}

void Sketch::Slot::Begin(std::int64_t new_number) {
  number = new_number;
  zero_count = 0;
  min = std::numeric_limits<double>::infinity();
  max = 0;
  buckets.Clear();
}

void Sketch::Slot::Merge(const Slot& other) {
  zero_count = AddFinite(zero_count, other.zero_count);
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  buckets.Merge(other.buckets);
}

void Sketch::Add(double value, double weight, std::chrono::milliseconds now) {
  count_ = AddFinite(count_, weight);
  sum_ = AddFinite(sum_, value * weight);
  const std::size_t bound = CountBelow(bounds_->data(), bounds_->size(), value);
  if (bound < classic_.size()) classic_[bound] += weight;

  Slot& slot = SlotFor(SlotNumber(now));
  slot.min = std::min(slot.min, value);
  slot.max = std::max(slot.max, value);
  if (value <= zero_threshold_) {
    zero_count_ += weight;
    slot.zero_count += weight;
    return;
  }
  int index = ClampedIndex(value);
  while (!buckets_.Has(index) && buckets_.SpanWith(index) > kMostBuckets) {
    LowerSchema();
    index = ClampedIndex(value);
  }
  buckets_.Add(index, weight);
  slot.buckets.Add(index, weight);
}

int Sketch::ClampedIndex(double value) const {
  return BucketIndex(schema_, std::min(value, greatest_));
}

void Sketch::LowerSchema() {
  --schema_;
  buckets_.Halve();
  for (Slot& slot : slots_) slot.buckets.Halve();
}

Sketch::Slot& Sketch::SlotFor(std::int64_t number) {
  Slot& slot = slots_[static_cast<std::size_t>(number) % slots_.size()];
  if (slot.number != number) slot.Begin(number);
  return slot;
}

void Sketch::Merge(const Sketch& other) {
  Sketch theirs = other;
  while (theirs.schema_ > schema_) theirs.LowerSchema();
  while (schema_ > theirs.schema_) LowerSchema();
  count_ = AddFinite(count_, theirs.count_);
  sum_ = AddFinite(sum_, theirs.sum_);
  zero_count_ = AddFinite(zero_count_, theirs.zero_count_);
  for (std::size_t i = 0; i < classic_.size(); ++i) {
    classic_[i] = AddFinite(classic_[i], theirs.classic_[i]);
  }
  buckets_.Merge(theirs.buckets_);
  for (const Slot& slot : theirs.slots_) {
    if (slot.number == kNever) continue;
    // A slot of an older round has gone from the window already.
    if (slots_[static_cast<std::size_t>(slot.number) % slots_.size()].number <=
        slot.number) {
      SlotFor(slot.number).Merge(slot);
    }
  }
  while (buckets_.counts().size() > kMostBuckets) LowerSchema();
}

void Sketch::SetWindow(std::chrono::milliseconds window) {
  slot_ms_ = SlotWidth(window, kSlotsInWindow);
  for (Slot& slot : slots_) slot.Begin(kNever);
}

std::vector<double> Sketch::Quantiles(const std::vector<double>& quantiles,
                                      std::chrono::milliseconds now) const {
  Slot window;
  window.Begin(0);
  const std::int64_t newest = SlotNumber(now);
  for (const Slot& slot : slots_) {
    if (slot.number != kNever && slot.number >= newest - kSlotsInWindow) {
      window.Merge(slot);
    }
  }
  double total = window.zero_count;
  for (const double count : window.buckets.counts()) total += count;

  std::vector<double> values;
  values.reserve(quantiles.size());
  for (const double quantile : quantiles) {
    values.push_back(WindowQuantile(window, total, quantile));
  }
  return values;
}

double Sketch::WindowQuantile(const Slot& window, double total,
                              double quantile) const {
  if (total <= 0) return std::numeric_limits<double>::quiet_NaN();
  if (quantile >= 1) return window.max;
  if (quantile <= 0) return window.min;
  const double rank = quantile * total;
  double seen = window.zero_count;
  if (seen >= rank) return window.min;
  const std::vector<double>& counts = window.buckets.counts();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    if (counts[i] == 0 || seen < rank) continue;
    const int index = window.buckets.first_index() + static_cast<int>(i);
    const double low = BucketUpperBound(schema_, index - 1);
    const double high = BucketUpperBound(schema_, index);
    // As far from both ends, relative to them.
    const double middle = 2 * (low / (low + high)) * high;
    return std::clamp(middle, window.min, window.max);
  }
  return window.max;
}

}  // namespace gunicorn_exporter
