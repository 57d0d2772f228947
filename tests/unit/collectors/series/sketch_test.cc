#include "collectors/series/sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kNow = std::chrono::hours(1);

SketchOptions Options(int schema = 3) {
  SketchOptions options;
  options.bounds = std::make_shared<const std::vector<double>>(
      std::vector<double>{0.1, 0.5, 1});
  options.schema = schema;
  options.window = seconds(60);
  return options;
}

double RelativeError(int schema) {
  const double base = std::exp2(std::exp2(-schema));
  return (base - 1) / (base + 1);
}

TEST(BucketIndex, ClosesBucketsAtTheirUpperBound) {
  for (int schema = kLowestSchema; schema <= kHighestSchema; ++schema) {
    for (int index = -40; index <= 40; ++index) {
      const double bound = BucketUpperBound(schema, index);
      if (bound == 0 || std::isinf(bound)) continue;
      EXPECT_EQ(BucketIndex(schema, bound), index) << schema;
      EXPECT_EQ(BucketIndex(schema, std::nextafter(bound, 1e300)), index + 1)
          << schema;
    }
  }
}

TEST(BucketIndex, PutsOneIntoBucketZero) {
  for (int schema = kLowestSchema; schema <= kHighestSchema; ++schema) {
    EXPECT_EQ(BucketIndex(schema, 1), 0) << schema;
  }
}

TEST(Sketch, CountsExactlyInClassicBuckets) {
  Sketch sketch(Options());
  for (const double value : {0.05, 0.1, 0.100001, 0.5, 0.7, 1.0, 5.0}) {
    sketch.Add(value, 1, kNow);
  }
  EXPECT_EQ(sketch.classic(), (std::vector<double>{2, 2, 2}));
  EXPECT_EQ(sketch.count(), 7);
  EXPECT_DOUBLE_EQ(sketch.sum(), 7.450001);
}

TEST(Sketch, WeighsASampledValue) {
  Sketch sketch(Options());
  sketch.Add(0.2, 1e6, kNow);
  sketch.Add(0.3, 1 / 0.3, kNow);
  EXPECT_DOUBLE_EQ(sketch.count(), 1e6 + 1 / 0.3);
  EXPECT_DOUBLE_EQ(sketch.sum(), 0.2e6 + 1);
  EXPECT_DOUBLE_EQ(sketch.classic()[1], 1e6 + 1 / 0.3);
}

TEST(Sketch, HasTheNativeBucketsOfItsSchema) {
  Sketch sketch(Options(0));
  for (const double value : {0.0, 0.25, 0.3, 1.0, 1.5}) {
    sketch.Add(value, 1, kNow);
  }
  EXPECT_EQ(sketch.zero_count(), 1);
  EXPECT_EQ(sketch.buckets().first_index(), -2);  // (0.125, 0.25]
  EXPECT_EQ(sketch.buckets().counts(), (std::vector<double>{1, 1, 1, 1}));
}

struct Distribution {
  const char* name;
  std::function<double(std::mt19937_64&)> draw;
};

std::vector<Distribution> Distributions() {
  return {
      {"exponential",
       [](std::mt19937_64& random) {
         return std::exponential_distribution<double>(20)(random);
       }},
      {"lognormal",
       [](std::mt19937_64& random) {
         return std::lognormal_distribution<double>(-3, 1.5)(random);
       }},
      {"uniform",
       [](std::mt19937_64& random) {
         return std::uniform_real_distribution<double>(0.001, 2)(random);
       }},
      {"two humps",
       [](std::mt19937_64& random) {
         return random() % 10 == 0
                    ? std::normal_distribution<double>(4, 0.01)(random)
                    : std::lognormal_distribution<double>(-5, 0.1)(random);
       }},
      {"constant", [](std::mt19937_64&) { return 0.0317; }},
      {"pareto",
       [](std::mt19937_64& random) {
         const double uniform =
             std::uniform_real_distribution<double>(1e-9, 1)(random);
         return 0.002 / std::pow(uniform, 1 / 1.2);
       }},
  };
}

TEST(Sketch, TellsQuantilesWithinItsRelativeError) {
  const std::vector<double> quantiles = {0,   0.01, 0.25, 0.5,   0.75,
                                         0.9, 0.95, 0.99, 0.999, 1};
  for (const Distribution& distribution : Distributions()) {
    for (const int schema : {0, 3, 5}) {
      std::mt19937_64 random(42);
      Sketch sketch(Options(schema));
      std::vector<double> values;
      for (int i = 0; i < 20'000; ++i) {
        values.push_back(distribution.draw(random));
        sketch.Add(values.back(), 1, kNow);
      }
      std::sort(values.begin(), values.end());
      const std::vector<double> told = sketch.Quantiles(quantiles, kNow);
      for (std::size_t i = 0; i < quantiles.size(); ++i) {
        const double rank = std::max(
            1.0, std::ceil(quantiles[i] * static_cast<double>(values.size())));
        const double exact = values[static_cast<std::size_t>(rank) - 1];
        EXPECT_LE(std::abs(told[i] - exact),
                  exact * (RelativeError(schema) + 1e-9))
            << distribution.name << " schema " << schema << " quantile "
            << quantiles[i];
      }
      EXPECT_EQ(told.front(), values.front()) << distribution.name;
      EXPECT_EQ(told.back(), values.back()) << distribution.name;
    }
  }
}

TEST(Sketch, TellsZeroWhereTheRankIsThatOfTheLastZero) {
  Sketch sketch(Options());
  for (const double value : {0.0, 0.0, 5.0, 7.0}) sketch.Add(value, 1, kNow);
  const std::vector<double> told = sketch.Quantiles({0.25, 0.5, 0.75}, kNow);
  EXPECT_EQ(told[0], 0);
  EXPECT_EQ(told[1], 0);
  EXPECT_NEAR(told[2], 5, 5 * RelativeError(3));
}

TEST(Sketch, ForgetsWhatLeftTheWindow) {
  Sketch sketch(Options());
  sketch.Add(5, 1, kNow);
  sketch.Add(1, 1, kNow + seconds(50));
  EXPECT_EQ(sketch.Quantiles({1}, kNow + seconds(59)).front(), 5);
  EXPECT_EQ(sketch.Quantiles({1}, kNow + seconds(71)).front(), 1);
  EXPECT_TRUE(std::isnan(sketch.Quantiles({1}, kNow + seconds(125)).front()));
  EXPECT_EQ(sketch.count(), 2);
}

TEST(Sketch, HasNoQuantilesWhenNew) {
  const Sketch sketch(Options());
  for (const double value : sketch.Quantiles({0, 0.5, 1}, kNow)) {
    EXPECT_TRUE(std::isnan(value));
  }
}

TEST(Sketch, MergesToWhatOneSketchWouldHaveSeen) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> draw(-3, 1);
  Sketch left(Options());
  Sketch right(Options());
  Sketch both(Options());
  for (int i = 0; i < 5000; ++i) {
    const double value = draw(random);
    const milliseconds now = kNow + milliseconds(i * 10);
    (i % 3 == 0 ? left : right).Add(value, 2, now);
    both.Add(value, 2, now);
  }
  left.Merge(right);
  EXPECT_EQ(left.count(), both.count());
  EXPECT_NEAR(left.sum(), both.sum(), 1e-9 * both.sum());
  EXPECT_EQ(left.classic(), both.classic());
  EXPECT_EQ(left.buckets().first_index(), both.buckets().first_index());
  EXPECT_EQ(left.buckets().counts(), both.buckets().counts());
  const milliseconds end = kNow + seconds(50);
  EXPECT_EQ(left.Quantiles({0, 0.5, 0.99, 1}, end),
            both.Quantiles({0, 0.5, 0.99, 1}, end));
}

TEST(Sketch, StaysBoundedForEveryValue) {
  Sketch sketch(Options(kHighestSchema));
  double count = 0;
  for (int exponent = -1000; exponent <= 1000; ++exponent) {
    sketch.Add(std::ldexp(1.3, exponent), 1, kNow);
    ++count;
  }
  sketch.Add(std::numeric_limits<double>::max(), 1e6, kNow);
  EXPECT_LE(sketch.buckets().counts().size(), kMostBuckets);
  EXPECT_TRUE(std::isfinite(sketch.sum()));
  double in_buckets = sketch.zero_count();
  for (const double bucket : sketch.buckets().counts()) in_buckets += bucket;
  EXPECT_EQ(in_buckets, count + 1e6);
  // Joined buckets still answer within the error of the schema that is left.
  EXPECT_LT(sketch.schema(), kHighestSchema);
}

TEST(Sketch, LowersItsSchemaWhereItsBucketsDoNotSuffice) {
  Sketch sketch(Options(5));
  Sketch lower(Options(4));
  constexpr int kFirst = -500;
  constexpr int kEnd = kFirst + static_cast<int>(kMostBuckets);
  for (int index = kFirst; index <= kEnd; ++index) {
    EXPECT_EQ(sketch.schema(), 5);
    sketch.Add(BucketUpperBound(5, index), 1, kNow);
    lower.Add(BucketUpperBound(5, index), 1, kNow);
  }
  EXPECT_EQ(sketch.schema(), 4);
  EXPECT_EQ(sketch.buckets().first_index(), lower.buckets().first_index());
  EXPECT_EQ(sketch.buckets().counts(), lower.buckets().counts());
}

TEST(Sketch, KeepsTheSchemaOfOrdinaryDurations) {
  Sketch sketch(Options(3));
  double value = 1e-6;
  while (value < 1e5) {
    sketch.Add(value, 1, kNow);
    value *= 1.01;
  }
  EXPECT_EQ(sketch.schema(), 3);
}

}  // namespace
}  // namespace gunicorn_exporter
