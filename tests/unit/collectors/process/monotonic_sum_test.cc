#include "collectors/process/sockets/overflow_counter.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

TEST(OverflowCounter, HasNothingBeforeTheFirstCount) {
  EXPECT_FALSE(OverflowCounter().Total());
}

TEST(OverflowCounter, AddsUpNamespaces) {
  OverflowCounter counter;
  counter.See(1, 5);
  counter.See(2, 7);
  counter.See(1, 6);
  EXPECT_EQ(counter.Total(), 13U);
}

TEST(OverflowCounter, KeepsWhatANamespaceCountedThatBeginsAgain) {
  OverflowCounter counter;
  counter.See(1, 5);
  counter.See(1, 0);
  EXPECT_EQ(counter.Total(), 5U);
  counter.See(1, 2);
  EXPECT_EQ(counter.Total(), 7U);
}

}  // namespace
}  // namespace gunicorn_exporter
