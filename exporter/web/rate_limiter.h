// exporter-toolkit's rate limit: a bucket of `burst` tokens that gains one each
// `interval`; a request takes one or is refused.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>

#include "config/web_config.h"

namespace gunicorn_exporter {

// Thread rule: any thread.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RateLimiter(const RateLimitConfig& config) : config_(config) {}

  // Always true where the interval is 0.
  bool Allow(Clock::time_point now) {
    if (config_.interval.count() == 0) return true;
    // So long saves up `burst` tokens, within the 290 years that a clock holds.
    constexpr Clock::duration kLongest = std::chrono::years(100);
    const Clock::duration full = config_.burst > kLongest / config_.interval
                                     ? kLongest
                                     : config_.interval * config_.burst;
    const std::lock_guard lock(mutex_);
    // (now - empty_at_) / interval tokens are in the bucket, at most `burst`.
    empty_at_ = std::max(empty_at_.value_or(now - full), now - full);
    if (now - *empty_at_ < config_.interval) return false;
    *empty_at_ += config_.interval;
    return true;
  }

 private:
  const RateLimitConfig config_;
  std::mutex mutex_;  // Guards what follows.
  // When the bucket would have been empty, had it never been full.
  std::optional<Clock::time_point> empty_at_;
};

}  // namespace gunicorn_exporter
