#include "collectors/process/monotonic_sum.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

TEST(MonotonicSum, HasNothingBeforeTheFirstCount) {
  EXPECT_FALSE(MonotonicSum().Total());
}

TEST(MonotonicSum, AddsUpSources) {
  MonotonicSum sum;
  sum.See("1", 5);
  sum.See("2", 7);
  sum.See("1", 6);
  EXPECT_EQ(sum.Total(), 13U);
}

TEST(MonotonicSum, KeepsWhatASourceCountedThatBeginsAgain) {
  MonotonicSum sum;
  sum.See("1", 5);
  sum.See("1", 0);
  EXPECT_EQ(sum.Total(), 5U);
  sum.See("1", 2);
  EXPECT_EQ(sum.Total(), 7U);
}

}  // namespace
}  // namespace gunicorn_exporter
