// A process table for the receivers' tests: says whose a pid or a UDP source
// is, and counts how often it was asked. It answers at once, or is held.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "collectors/sender_lookup.h"

namespace gunicorn_exporter {

class FakeSenderLookup : public SenderLookup {
 public:
  std::optional<Sender> FindByPid(pid_t pid) override {
    std::unique_lock<std::mutex> lock(mutex_);
    ++questions_;
    if (cost_) cost_();
    released_.wait(lock, [this] { return !is_held_; });
    const auto found = by_pid_.find(pid);
    if (found == by_pid_.end()) return std::nullopt;
    return Sender{found->second, pid, 1};
  }
  // By port alone.
  std::optional<Sender> FindByUdpSource(
      const sockaddr_storage& source) override {
    std::unique_lock<std::mutex> lock(mutex_);
    ++questions_;
    if (cost_) cost_();
    released_.wait(lock, [this] { return !is_held_; });
    last_family_ = source.ss_family;
    sockaddr_in address{};
    std::memcpy(&address, &source, sizeof(address));
    const auto found = by_port_.find(ntohs(address.sin_port));
    if (found == by_port_.end()) return std::nullopt;
    return Sender{found->second, 0, 0};
  }
  std::uint64_t Generation() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return generation_;
  }

  bool Answers() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return answers_;
  }

  // Keeps whoever asks for a sender waiting, until it is let go.
  void Hold() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_held_ = true;
  }
  void LetGo() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_held_ = false;
    released_.notify_all();
  }

  void SetAnswers(bool answers) {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_ = answers;
  }
  // What passes with each question: time, say.
  void SetCost(std::function<void()> cost) {
    const std::lock_guard<std::mutex> lock(mutex_);
    cost_ = std::move(cost);
  }
  void SetPid(pid_t pid, AppId app) {
    const std::lock_guard<std::mutex> lock(mutex_);
    by_pid_[pid] = std::move(app);
  }
  void SetPort(std::uint16_t port, AppId app) {
    const std::lock_guard<std::mutex> lock(mutex_);
    by_port_[port] = std::move(app);
  }
  void Forget() {
    const std::lock_guard<std::mutex> lock(mutex_);
    by_pid_.clear();
    by_port_.clear();
  }
  void NextGeneration() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++generation_;
  }
  int questions() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return questions_;
  }
  int last_family() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return last_family_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable released_;
  bool is_held_ = false;
  std::function<void()> cost_;
  std::map<pid_t, AppId> by_pid_;
  std::map<std::uint16_t, AppId> by_port_;
  std::uint64_t generation_ = 1;
  bool answers_ = true;
  int questions_ = 0;
  int last_family_ = 0;
};

}  // namespace gunicorn_exporter
