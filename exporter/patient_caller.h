// Asks what may never answer - a procfs of which one file hangs - without
// waiting for ever: each task runs in a thread of its own, and who asked goes
// on without it when its time is over.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace gunicorn_exporter {

// Thread rule: any thread, several at once.
class PatientCaller {
 public:
  using Clock = std::chrono::steady_clock;

  explicit PatientCaller(std::chrono::milliseconds patience);

  // True when the task has ended. False when it has not within the patience: it
  // goes on, so it must own what it touches. False at once, and the task was
  // not begun, while an earlier one is over its time, or where no thread is to
  // be had. The task must not throw.
  bool Run(std::function<void()> task);

  // Whether a task is over its time now.
  bool Hangs() const;

  // Waits for tasks that were left alone; false when some still run at the
  // deadline. Destroying what they use is then not safe.
  bool Drain(Clock::time_point deadline);

 private:
  struct State;

  const std::chrono::milliseconds patience_;
  const std::shared_ptr<State> state_;  // Each thread holds it too.
};

}  // namespace gunicorn_exporter
