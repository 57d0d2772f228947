// The lock of the store: whoever receives goes first.
//
// Scrapes ask for it again and again, each time for a short look. They give
// way, on a condition, to a writer that waits, and for kPatience at most to
// one that has just found the lock taken and will come again.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace gunicorn_exporter {

class StoreMutex {
 public:
  // Of an ingest thread or a change.
  class WriterLock {
   public:
    // Waits.
    explicit WriterLock(StoreMutex& store)
        : store_(store), lock_(store.mutex_, std::defer_lock) {
      ++store_.writers_waiting_;
      lock_.lock();
      --store_.writers_waiting_;
    }
    // Does not wait: see owns.
    WriterLock(StoreMutex& store, std::try_to_lock_t)
        : store_(store), lock_(store.mutex_, std::try_to_lock) {
      store_.writer_comes_again_ = !owns();
    }
    ~WriterLock() {
      if (!owns()) return;
      lock_.unlock();
      store_.writer_done_.notify_all();
    }
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

    bool owns() const { return lock_.owns_lock(); }

   private:
    StoreMutex& store_;
    std::unique_lock<std::mutex> lock_;
  };

  // Of a scrape.
  class ReaderLock {
   public:
    explicit ReaderLock(StoreMutex& store) : lock_(store.mutex_) {
      const bool had_turn = store.writer_done_.wait_for(lock_, kPatience, [&] {
        return store.writers_waiting_ == 0 && !store.writer_comes_again_;
      });
      if (!had_turn) store.writer_comes_again_ = false;
    }

   private:
    std::unique_lock<std::mutex> lock_;
  };

 private:
  // Twice what the receiver lets pass until it tries again.
  static constexpr std::chrono::milliseconds kPatience{2};

  std::mutex mutex_;
  std::condition_variable writer_done_;
  std::atomic<int> writers_waiting_{0};
  std::atomic<bool> writer_comes_again_{false};
};

}  // namespace gunicorn_exporter
