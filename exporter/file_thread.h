// Reads the configuration files of a running program, so that a file that does
// not answer (a FIFO, a hung mount) stops this thread alone.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "config/base/config_error.h"

namespace gunicorn_exporter {

// Thread rule: any thread may call. One task runs at a time.
class FileThread {
 public:
  using Clock = std::chrono::steady_clock;

  FileThread();
  FileThread(const FileThread&) = delete;
  FileThread& operator=(const FileThread&) = delete;
  // Waits for the task that runs, for ever where it hangs: see IsIdle().
  ~FileThread();

  // True once `task` has run. False where it has not by the deadline: it never
  // runs if an earlier task still does, else it ends later, so it has to own
  // what it uses. It must not throw.
  bool Run(std::function<void()> task, Clock::time_point deadline);

  // Runs `read` so, and gives what it returns or throws; ConfigError where it
  // has not ended by the deadline. `file` is for that message.
  template <typename Read>
  auto Call(const std::string& file, Read read, Clock::time_point deadline) {
    using Result = decltype(read());
    const auto task =
        std::make_shared<std::packaged_task<Result()>>(std::move(read));
    std::future<Result> result = task->get_future();
    if (!Run([task] { (*task)(); }, deadline)) {
      throw ConfigError(file +
                        ": does not answer; the old settings stay in force");
    }
    return result.get();
  }

  // Whether a task runs that its caller no longer waits for.
  bool IsLate() const;

  // True once no task runs; false where one still does at the deadline.
  bool IsIdle(Clock::time_point deadline);

 private:
  struct Job {
    std::function<void()> task;
    bool begun = false;
    bool done = false;
    bool late = false;
  };

  void Work();

  mutable std::mutex mutex_;  // Guards what follows, and the job's flags.
  std::condition_variable changed_;
  std::shared_ptr<Job> job_;  // Waits or runs; null: idle.
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace gunicorn_exporter
