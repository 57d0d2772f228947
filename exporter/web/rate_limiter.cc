#include "exporter/web/rate_limiter.h"

#include <algorithm>

namespace gunicorn_exporter {

bool RateLimiter::Allow(Clock::time_point now) {
  if (config_.interval.count() == 0) return true;
  const std::lock_guard lock(mutex_);
  const auto capacity = config_.interval * config_.burst;
  // (now - empty_at_) / interval tokens are in the bucket, at most `burst`.
  if (!started_) empty_at_ = now - capacity;
  started_ = true;
  empty_at_ = std::max(empty_at_, now - capacity);
  if (now - empty_at_ < config_.interval) return false;
  empty_at_ += config_.interval;
  return true;
}

}  // namespace gunicorn_exporter
