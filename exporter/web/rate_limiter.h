// exporter-toolkit's rate limit: a bucket of `burst` tokens that gains one each
// `interval`; a request takes one or is refused.
#pragma once

#include <chrono>
#include <mutex>

#include "config/web_config.h"

namespace gunicorn_exporter {

// Thread rule: any thread.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RateLimiter(const RateLimitConfig& config) : config_(config) {}

  // Always true where the interval is 0.
  bool Allow(Clock::time_point now);

 private:
  const RateLimitConfig config_;
  std::mutex mutex_;  // Guards what follows.
  bool started_ = false;
  // When the bucket would have been empty, had it never been full.
  Clock::time_point empty_at_;
};

}  // namespace gunicorn_exporter
