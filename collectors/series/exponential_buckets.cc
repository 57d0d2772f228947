#include "collectors/series/exponential_buckets.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace gunicorn_exporter {
namespace {

// The upper bounds of one octave's buckets, as fractions in [0.5, 1) the way
// frexp gives them: the first is 0.5, which closes the octave below.
std::array<std::vector<double>, kHighestSchema + 1> MakeFractions() {
  std::array<std::vector<double>, kHighestSchema + 1> fractions;
  for (int schema = 0; schema <= kHighestSchema; ++schema) {
    const int count = 1 << schema;
    for (int i = 0; i < count; ++i) {
      fractions[static_cast<std::size_t>(schema)].push_back(
          std::exp2(static_cast<double>(i) / count) / 2);
    }
  }
  return fractions;
}

const auto kFractions = MakeFractions();

// Rounds towards minus infinity, as a shift of a negative number does in C++20.
constexpr int FloorShift(int value, int bits) { return value >> bits; }

}  // namespace

int BucketIndex(int schema, double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  if (schema <= 0) {
    if (fraction == 0.5) --exponent;  // A power of two closes its bucket.
    const int bits = -schema;
    return FloorShift(exponent + (1 << bits) - 1, bits);
  }
  const std::vector<double>& bounds =
      kFractions[static_cast<std::size_t>(schema)];
  const std::size_t position =
      CountBelow(bounds.data(), bounds.size(), fraction);
  return static_cast<int>(position) + (exponent - 1) * (1 << schema);
}

double BucketUpperBound(int schema, int index) {
  if (schema <= 0) return std::ldexp(1.0, index * (1 << -schema));
  const int octave = FloorShift(index, schema);
  const int position = index - octave * (1 << schema);
  return std::ldexp(kFractions[static_cast<std::size_t>(schema)]
                              [static_cast<std::size_t>(position)],
                    octave + 1);
}

void BucketCounts::Merge(const BucketCounts& other) {
  for (std::size_t i = 0; i < other.counts_.size(); ++i) {
    if (other.counts_[i] != 0) {
      Add(other.first_ + static_cast<int>(i), other.counts_[i]);
    }
  }
}

void BucketCounts::Clear() { counts_.clear(); }

void BucketCounts::Halve() {
  if (counts_.empty()) return;
  BucketCounts wide;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const int index = first_ + static_cast<int>(i);
    if (counts_[i] != 0) wide.Add(FloorShift(index + 1, 1), counts_[i]);
  }
  *this = std::move(wide);
}

std::size_t BucketCounts::SpanWith(int index) const {
  if (counts_.empty()) return 1;
  const int last = first_ + static_cast<int>(counts_.size()) - 1;
  return static_cast<std::size_t>(std::max(last, index) -
                                  std::min(first_, index)) +
         1;
}

void BucketCounts::Grow(int index) {
  if (counts_.empty()) {
    first_ = index;
    counts_.resize(1);
  } else if (index < first_) {
    counts_.insert(counts_.begin(), static_cast<std::size_t>(first_ - index),
                   0.0);
    first_ = index;
  } else {
    counts_.resize(static_cast<std::size_t>(index - first_) + 1);
  }
}

}  // namespace gunicorn_exporter
