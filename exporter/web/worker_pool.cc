#include "exporter/web/worker_pool.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace gunicorn_exporter {
namespace {

// A thread without work ends after this long: between two scrapes a minute
// apart none is kept.
constexpr auto kMaxIdle = std::chrono::seconds(20);

}  // namespace

struct WorkerPool::State {
  std::size_t max_threads = 1;

  std::mutex mutex;  // Guards all that follows.
  std::condition_variable work;
  std::condition_variable ended;
  std::deque<std::function<void()>> tasks;
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool stop = false;
};

WorkerPool::WorkerPool(std::size_t max_threads)
    : state_(std::make_shared<State>()) {
  state_->max_threads = max_threads;
}

WorkerPool::~WorkerPool() {
  std::unique_lock lock(state_->mutex);
  state_->stop = true;
  state_->tasks.clear();
  state_->work.notify_all();
  state_->ended.wait(lock, [this] { return state_->threads == 0; });
}

void WorkerPool::Submit(std::function<void()> task) {
  const std::lock_guard lock(state_->mutex);
  state_->tasks.push_back(std::move(task));
  if (state_->idle >= state_->tasks.size() ||
      state_->threads == state_->max_threads) {
    state_->work.notify_one();
    return;
  }
  ++state_->threads;
  try {
    std::thread(Work, state_).detach();
  } catch (const std::system_error&) {
    // No more threads from the kernel: those that run take the task. Without
    // any, the caller has to know.
    if (--state_->threads == 0) {
      state_->tasks.pop_back();
      throw;
    }
  }
}

void WorkerPool::Work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->stop) {
    ++state->idle;
    const bool has_work = state->work.wait_for(
        lock, kMaxIdle, [&] { return state->stop || !state->tasks.empty(); });
    --state->idle;
    if (state->stop || !has_work) break;
    const std::function<void()> task = std::move(state->tasks.front());
    state->tasks.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
  --state->threads;
  state->ended.notify_all();
}

}  // namespace gunicorn_exporter
