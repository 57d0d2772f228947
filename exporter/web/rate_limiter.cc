#include "exporter/web/rate_limiter.h"

#include <algorithm>

namespace gunicorn_exporter {
namespace {

// Of requests that are saved up; a clock holds some 290.
constexpr RateLimiter::Clock::duration kLongest = std::chrono::years(100);

RateLimiter::Clock::duration Capacity(const RateLimitConfig& config) {
  if (config.burst > kLongest / config.interval) return kLongest;
  return config.interval * config.burst;
}

}  // namespace

bool RateLimiter::Allow(Clock::time_point now) {
  if (config_.interval.count() == 0) return true;
  const std::lock_guard lock(mutex_);
  const auto capacity = Capacity(config_);
  // (now - empty_at_) / interval tokens are in the bucket, at most `burst`.
  if (!started_) empty_at_ = now - capacity;
  started_ = true;
  empty_at_ = std::max(empty_at_, now - capacity);
  if (now - empty_at_ < config_.interval) return false;
  empty_at_ += config_.interval;
  return true;
}

}  // namespace gunicorn_exporter
