// How much time may go into looking senders up: a stranger who sends from ever
// new ports must not keep the receiving thread busy with the process table.
//
// A burst is free; after it, a fifth of the time. Half of the burst is kept for
// senders never seen before. Time is given in. Not safe from several threads.
#pragma once

#include <algorithm>
#include <chrono>

namespace gunicorn_exporter {

class LookupBudget {
 public:
  bool Allows(std::chrono::nanoseconds now, bool is_new) {
    left_ = std::min(kBurst, left_ + (now - last_) / kShare);
    last_ = now;
    return left_ > (is_new ? std::chrono::nanoseconds(0) : kBurst / 2);
  }
  void Spend(std::chrono::nanoseconds time) {
    left_ -= std::max(time, kLeastCost);
  }

 private:
  static constexpr std::chrono::nanoseconds kBurst =
      std::chrono::milliseconds(200);
  static constexpr std::chrono::nanoseconds kLeastCost =
      std::chrono::microseconds(10);
  static constexpr int kShare = 5;

  std::chrono::nanoseconds last_{0};
  std::chrono::nanoseconds left_ = kBurst;
};

}  // namespace gunicorn_exporter
