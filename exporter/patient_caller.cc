#include "exporter/patient_caller.h"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace gunicorn_exporter {

struct PatientCaller::State {
  std::mutex mutex;  // Guards all below.
  std::condition_variable ended;
  std::map<std::uint64_t, Clock::time_point> running;  // When each is late.
  std::uint64_t next = 0;

  bool Hangs() const {
    return !running.empty() && running.begin()->second <= Clock::now();
  }
};

PatientCaller::PatientCaller(std::chrono::milliseconds patience)
    : patience_(patience), state_(std::make_shared<State>()) {}

bool PatientCaller::Run(std::function<void()> task) {
  std::unique_lock lock(state_->mutex);
  if (state_->Hangs()) return false;
  const std::uint64_t number = state_->next++;
  const Clock::time_point deadline = Clock::now() + patience_;
  state_->running.emplace(number, deadline);
  try {
    std::thread([state = state_, number, task = std::move(task)]() mutable {
      task();
      task = nullptr;  // What it holds goes before anybody is told.
      const std::lock_guard guard(state->mutex);
      state->running.erase(number);
      state->ended.notify_all();
    }).detach();
  } catch (const std::system_error&) {
    state_->running.erase(number);
    return false;
  }
  return state_->ended.wait_until(
      lock, deadline, [&] { return !state_->running.contains(number); });
}

bool PatientCaller::Hangs() const {
  const std::lock_guard lock(state_->mutex);
  return state_->Hangs();
}

bool PatientCaller::Drain(Clock::time_point deadline) {
  std::unique_lock lock(state_->mutex);
  return state_->ended.wait_until(lock, deadline,
                                  [&] { return state_->running.empty(); });
}

}  // namespace gunicorn_exporter
