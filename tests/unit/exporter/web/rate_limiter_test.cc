#include "exporter/web/rate_limiter.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

using std::chrono::milliseconds;

TEST(RateLimiter, AllowsABurstAndThenOneEachInterval) {
  RateLimiter limiter({milliseconds(100), 3});
  const RateLimiter::Clock::time_point start{};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.Allow(start));
  EXPECT_FALSE(limiter.Allow(start));
  EXPECT_FALSE(limiter.Allow(start + milliseconds(99)));
  EXPECT_TRUE(limiter.Allow(start + milliseconds(100)));
  EXPECT_FALSE(limiter.Allow(start + milliseconds(100)));
}

TEST(RateLimiter, SavesUpNoMoreThanABurst) {
  RateLimiter limiter({milliseconds(100), 2});
  const RateLimiter::Clock::time_point start{};
  EXPECT_TRUE(limiter.Allow(start));
  const auto later = start + std::chrono::hours(1);
  EXPECT_TRUE(limiter.Allow(later));
  EXPECT_TRUE(limiter.Allow(later));
  EXPECT_FALSE(limiter.Allow(later));
}

TEST(RateLimiter, SavesUpAsMuchAsAClockHolds) {
  const RateLimitConfig configs[] = {{std::chrono::hours(1), 3'000'000},
                                     {std::chrono::minutes(1), 2'000'000'000},
                                     {std::chrono::hours(24 * 365), 300}};
  for (const RateLimitConfig& config : configs) {
    RateLimiter limiter(config);
    const auto now = RateLimiter::Clock::now();
    for (int i = 0; i < 90; ++i) EXPECT_TRUE(limiter.Allow(now));
  }
}

TEST(RateLimiter, AllowsEverythingWithoutAnInterval) {
  RateLimiter limiter({milliseconds(0), 0});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.Allow({}));
}

}  // namespace
}  // namespace gunicorn_exporter
