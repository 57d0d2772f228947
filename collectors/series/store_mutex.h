// The lock of the store: whoever receives goes first.
//
// One scrape at a time asks for it, for a short look, and none while an ingest
// thread or a change waits for it.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

namespace gunicorn_exporter {

class StoreMutex {
 public:
  // Owns nothing where somebody else has the lock right now.
  std::unique_lock<std::mutex> TryLock() {
    return std::unique_lock<std::mutex>(mutex_, std::try_to_lock);
  }

  // For an ingest thread or a change.
  class WriterLock {
   public:
    explicit WriterLock(StoreMutex& store) : store_(store) {
      ++store_.writers_waiting_;
      store_.mutex_.lock();
      --store_.writers_waiting_;
    }
    ~WriterLock() { store_.mutex_.unlock(); }
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

   private:
    StoreMutex& store_;
  };

  // For a scrape.
  class ReaderLock {
   public:
    explicit ReaderLock(StoreMutex& store)
        : gate_(store.reader_mutex_), store_(store) {
      while (store_.writers_waiting_ != 0) std::this_thread::yield();
      store_.mutex_.lock();
    }
    ~ReaderLock() { store_.mutex_.unlock(); }
    ReaderLock(const ReaderLock&) = delete;
    ReaderLock& operator=(const ReaderLock&) = delete;

   private:
    const std::lock_guard<std::mutex> gate_;
    StoreMutex& store_;
  };

 private:
  std::mutex mutex_;
  std::mutex reader_mutex_;
  std::atomic<int> writers_waiting_{0};
};

}  // namespace gunicorn_exporter
