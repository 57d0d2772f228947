// The durations or the backlog of one app, or the values of one foreign
// summary: everything that a scrape tells about them. Mostly a few kilobytes;
// each of the eight lists of buckets has at most kMostBuckets doubles.
//
//   - count and sum, exact: the sum of 1/rate, and of value/rate;
//   - classic buckets, exact: each value is compared with the bounds;
//   - exponential buckets for the native histogram;
//   - the same buckets for a sliding window, for quantiles.
//
// A quantile is the weighted nearest rank's value. The smallest and the
// greatest (0 and 1) are exact; between them the answer is off by at most
//
//     (base - 1) / (base + 1),  base = 2^(2^-schema):
//     schema 3: 4.4 %, schema 5: 1.1 %, schema 0: 33.4 %
//
// of the exact value, for values between two bounds: for durations 1
// microsecond (2^-20 s) and 12 days (2^20 s). Values up to the lower bound
// count in the zero bucket, those over the upper one in the last.
//
// Bounds: at most kMostBuckets buckets; where more are needed, neighbours are
// joined and the schema falls by one, as Prometheus' own clients do. A window
// is six slots and the one being filled: a value leaves it when it is between 1
// and 7/6 of the window old.
//
// Time is given in. Not safe from several threads.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "collectors/series/exponential_buckets.h"

namespace gunicorn_exporter {

inline constexpr std::size_t kMostBuckets = 1024;

// What all sketches of a configuration share.
struct SketchOptions {
  std::shared_ptr<const std::vector<double>> bounds;  // Ascending; no +Inf.
  int schema = 3;
  std::chrono::milliseconds window{60'000};
  double zero_threshold = 0x1p-20;
  double greatest = 0x1p20;
};

class Sketch {
 public:
  explicit Sketch(const SketchOptions& options);

  // `value` is finite and not negative, `weight` positive; `now` is of a steady
  // clock.
  void Add(double value, double weight, std::chrono::milliseconds now);
  // Adds what `other`, of the same options, has seen. Slots of the window are
  // joined by their time.
  void Merge(const Sketch& other);
  // Another window, which begins empty; the rest goes on.
  void SetWindow(std::chrono::milliseconds window);

  double count() const { return count_; }
  double sum() const { return sum_; }
  // One for each bound, not cumulative; what is above the last is not there.
  const std::shared_ptr<const std::vector<double>>& bounds() const {
    return bounds_;
  }
  const std::vector<double>& classic() const { return classic_; }
  // The exponential buckets and their schema, which may have fallen.
  int schema() const { return schema_; }
  double zero_count() const { return zero_count_; }
  double zero_threshold() const { return zero_threshold_; }
  const BucketCounts& buckets() const { return buckets_; }

  // The quantiles, each in [0, 1] and ascending, of the window that ends now;
  // NaN where it is empty.
  std::vector<double> Quantiles(const std::vector<double>& quantiles,
                                std::chrono::milliseconds now) const;

 private:
  static constexpr std::int64_t kSlotsInWindow = 6;
  static constexpr std::int64_t kNever =
      std::numeric_limits<std::int64_t>::min();

  // The values of one sixth of the window.
  struct Slot {
    std::int64_t number = kNever;  // Time divided by the slot's width.
    double zero_count = 0;
    double min = 0;
    double max = 0;
    BucketCounts buckets;

    void Begin(std::int64_t new_number);
    void Merge(const Slot& other);
  };

  int ClampedIndex(double value) const;
  void LowerSchema();
  std::int64_t SlotNumber(std::chrono::milliseconds now) const {
    return now.count() / slot_ms_;
  }
  Slot& SlotFor(std::int64_t number);
  double WindowQuantile(const Slot& window, double total,
                        double quantile) const;

  std::shared_ptr<const std::vector<double>> bounds_;
  double zero_threshold_;
  double greatest_;
  std::int64_t slot_ms_;
  int schema_;
  double count_ = 0;
  double sum_ = 0;
  double zero_count_ = 0;
  std::vector<double> classic_;
  BucketCounts buckets_;
  std::array<Slot, kSlotsInWindow + 1> slots_;
};

// left + right, or the greatest finite number where that is infinite.
inline double AddFinite(double left, double right) {
  constexpr double kGreatest = std::numeric_limits<double>::max();
  return std::clamp(left + right, -kGreatest, kGreatest);
}

}  // namespace gunicorn_exporter
