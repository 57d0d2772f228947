// The buckets of Prometheus' native histograms: bucket i holds values in
// (base^(i-1), base^i], base = 2^(2^-schema). Source: the comments of
// io.prometheus.client.Histogram.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace gunicorn_exporter {

inline constexpr int kLowestSchema = -4;
inline constexpr int kHighestSchema = 8;

// How many of the `count` ascending bounds are below `value`.
inline std::size_t CountBelow(const double* bounds, std::size_t count,
                              double value) {
  return static_cast<std::size_t>(
      std::lower_bound(bounds, bounds + count, value) - bounds);
}

// The index of the bucket that `value`, above 0 and finite, falls in.
int BucketIndex(int schema, double value);

// base^index: the greatest value of bucket `index`.
double BucketUpperBound(int schema, int index);

// Counts by bucket, in one piece of memory from the lowest to the highest that
// was ever used. Not safe from several threads.
class BucketCounts {
 public:
  // Grows by allocating; within the range used so far it does not.
  void Add(int index, double weight) {
    if (!Has(index)) Grow(index);
    counts_[static_cast<std::size_t>(index - first_)] += weight;
  }
  void Merge(const BucketCounts& other);
  // Keeps the memory.
  void Clear();
  // Twice as wide buckets: those of schema - 1.
  void Halve();

  // Of counts()[0].
  int first_index() const { return first_; }
  const std::vector<double>& counts() const { return counts_; }
  // A bucket in the range used so far.
  bool Has(int index) const {
    return index >= first_ &&
           static_cast<std::size_t>(index - first_) < counts_.size();
  }
  // How many buckets there would be with `index` among them.
  std::size_t SpanWith(int index) const;

 private:
  void Grow(int index);

  int first_ = 0;
  std::vector<double> counts_;
};

}  // namespace gunicorn_exporter
