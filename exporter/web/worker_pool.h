// Threads that run tasks: started when there is work, ended when there is none
// for a while, never more than a bound.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace gunicorn_exporter {

// Thread rule: any thread may submit.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t max_threads);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  // Waits for the tasks that run; those that wait are dropped.
  ~WorkerPool();

  // Where every thread is busy and no more may be started, the task waits.
  // `task` must not throw.
  void Submit(std::function<void()> task);

 private:
  struct State;
  static void Work(const std::shared_ptr<State>& state);

  // Held by each thread as well: it outlives the pool by a few instructions.
  const std::shared_ptr<State> state_;
};

}  // namespace gunicorn_exporter
