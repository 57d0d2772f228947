#include "exporter/file_thread.h"

#include <utility>

namespace gunicorn_exporter {

FileThread::FileThread() : thread_([this] { Work(); }) {}

FileThread::~FileThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool FileThread::Run(std::function<void()> task, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline, [this] { return !job_; })) {
    return false;
  }
  const auto job = std::make_shared<Job>();
  job->task = std::move(task);
  job_ = job;
  changed_.notify_all();
  if (changed_.wait_until(lock, deadline, [&] { return job->done; })) {
    return true;
  }
  job->late = job->begun;
  if (!job->begun) {
    job_ = nullptr;
    changed_.notify_all();
  }
  return false;
}

bool FileThread::IsLate() const {
  const std::lock_guard lock(mutex_);
  return job_ != nullptr && job_->late;
}

bool FileThread::IsIdle(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return !job_; });
}

void FileThread::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || job_; });
    if (stop_) return;
    const std::shared_ptr<Job> job = job_;
    job->begun = true;
    lock.unlock();
    job->task();
    job->task = nullptr;
    lock.lock();
    job->done = true;
    job_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace gunicorn_exporter
