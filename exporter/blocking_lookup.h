// Asks the process thread and waits for its answer: until the receiver asks by
// messages itself.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "collectors/process/process_thread.h"
#include "collectors/sender_lookup.h"

namespace gunicorn_exporter {

class BlockingLookup : public SenderLookup {
 public:
  explicit BlockingLookup(ProcessThread& thread) : thread_(thread) {
    thread_.SetWake([this] {
      const std::lock_guard lock(mutex_);
      for (SenderAnswer& answer : thread_.TakeAnswers()) {
        answers_.push_back(std::move(answer));
      }
      answered_.notify_all();
    });
  }
  ~BlockingLookup() override { thread_.SetWake(nullptr); }
  std::optional<Sender> FindByPid(pid_t pid) override {
    return Find({pid, std::nullopt});
  }
  std::optional<Sender> FindByUdpSource(
      const sockaddr_storage& source) override {
    return Find({0, source});
  }
  std::uint64_t Generation() const override { return thread_.Generation(); }

 private:
  std::optional<Sender> Find(const SenderAddress& address) {
    std::unique_lock lock(mutex_);
    answers_.clear();
    const std::uint64_t question = ++questions_;
    if (!thread_.Ask(question, address)) return std::nullopt;
    std::optional<Sender> sender;
    answered_.wait_for(lock, std::chrono::seconds(2), [&] {
      for (const SenderAnswer& answer : answers_) {
        if (answer.question != question) continue;
        sender = answer.sender;
        return true;
      }
      return false;
    });
    return sender;
  }

  ProcessThread& thread_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::uint64_t questions_ = 0;
  std::vector<SenderAnswer> answers_;
};

}  // namespace gunicorn_exporter
