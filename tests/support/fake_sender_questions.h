// A process side for the receivers' tests: says whose a pid or a UDP source is,
// and counts how often it was asked. It answers at once, or is held.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "collectors/sender_questions.h"

namespace gunicorn_exporter {

class FakeSenderQuestions : public SenderQuestions {
 public:
  bool Ask(const SenderQuestion& question) override {
    const std::lock_guard lock(mutex_);
    if (open_.size() >= room_) return false;
    ++questions_;
    last_is_new_ = question.is_new;
    const auto& udp = question.sender.udp;
    if (udp) last_family_ = udp->ss_family;
    open_.push_back(question);
    if (!is_held_) Answer();
    return true;
  }
  std::vector<SenderAnswer> TakeAnswers() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }
  void SetWake(std::function<void()> wake) override {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  std::uint64_t Generation() const override {
    const std::lock_guard lock(mutex_);
    return generation_;
  }

  bool Answers() const override {
    const std::lock_guard lock(mutex_);
    return !hangs_;
  }

  // It is known to hang, or not any more.
  void SetHangs(bool hangs) {
    const std::lock_guard lock(mutex_);
    hangs_ = hangs;
  }
  // Gives no answer until it is let go.
  void Hold() {
    const std::lock_guard lock(mutex_);
    is_held_ = true;
  }
  void LetGo() {
    const std::lock_guard lock(mutex_);
    is_held_ = false;
    Answer();
  }
  // Answers the oldest question alone.
  void AnswerOne() {
    const std::lock_guard lock(mutex_);
    AnswerFirst();
  }
  // How many questions may wait.
  void SetRoom(std::size_t room) {
    const std::lock_guard lock(mutex_);
    room_ = room;
  }
  void SetPid(pid_t pid, AppId app) {
    const std::lock_guard lock(mutex_);
    by_pid_[pid] = std::move(app);
  }
  void SetPort(std::uint16_t port, AppId app) {
    const std::lock_guard lock(mutex_);
    by_port_[port] = std::move(app);
  }
  void Forget() {
    const std::lock_guard lock(mutex_);
    by_pid_.clear();
    by_port_.clear();
  }
  void NextGeneration() {
    const std::lock_guard lock(mutex_);
    ++generation_;
  }
  int questions() const {
    const std::lock_guard lock(mutex_);
    return questions_;
  }
  bool last_is_new() const {
    const std::lock_guard lock(mutex_);
    return last_is_new_;
  }
  int last_family() const {
    const std::lock_guard lock(mutex_);
    return last_family_;
  }

 private:
  void Answer() {
    while (!open_.empty()) AnswerFirst();
  }
  void AnswerFirst() {
    const SenderQuestion& question = open_.front();
    answers_.push_back({question.number, Find(question.sender), generation_});
    open_.pop_front();
    if (wake_) wake_();
  }
  // UDP sources by port alone.
  std::optional<Sender> Find(const SenderAddress& sender) const {
    if (!sender.udp) {
      const auto found = by_pid_.find(sender.pid);
      if (found == by_pid_.end()) return std::nullopt;
      return Sender{found->second, sender.pid, 1};
    }
    sockaddr_in address{};
    std::memcpy(&address, &*sender.udp, sizeof(address));
    const auto found = by_port_.find(ntohs(address.sin_port));
    if (found == by_port_.end()) return std::nullopt;
    return Sender{found->second, 0, 0};
  }

  mutable std::mutex mutex_;
  bool is_held_ = false;
  bool hangs_ = false;
  std::size_t room_ = 1'000'000;
  std::deque<SenderQuestion> open_;
  std::vector<SenderAnswer> answers_;
  std::function<void()> wake_;
  std::map<pid_t, AppId> by_pid_;
  std::map<std::uint16_t, AppId> by_port_;
  std::uint64_t generation_ = 1;
  int questions_ = 0;
  bool last_is_new_ = false;
  int last_family_ = 0;
};

}  // namespace gunicorn_exporter
