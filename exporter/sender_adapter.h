// SenderQuestions over a SenderLookup, which answers before Ask returns: until
// the process thread takes the questions itself.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "collectors/sender_lookup.h"
#include "collectors/sender_questions.h"

namespace gunicorn_exporter {

class SenderAdapter : public SenderQuestions {
 public:
  explicit SenderAdapter(SenderLookup& lookup) : lookup_(lookup) {}

  bool Ask(std::uint64_t question, const SenderAddress& sender) override {
    if (open_.size() >= kMostOpen) return false;
    open_.emplace_back(question, sender);
    Answer();
    if (wake_) wake_();
    return true;
  }
  std::vector<SenderAnswer> TakeAnswers() override {
    Answer();
    return std::exchange(answers_, {});
  }
  void SetWake(std::function<void()> wake) override { wake_ = std::move(wake); }
  std::uint64_t Generation() const override { return lookup_.Generation(); }

 private:
  static constexpr std::size_t kMostOpen = 4096;

  void Answer() {
    while (lookup_.Answers() && !open_.empty()) {
      const auto& [number, address] = open_.front();
      SenderAnswer answer{number, {}, lookup_.Generation()};
      answer.sender = address.udp ? lookup_.FindByUdpSource(*address.udp)
                                  : lookup_.FindByPid(address.pid);
      if (!answer.sender && !lookup_.Answers()) return;
      answers_.push_back(std::move(answer));
      open_.pop_front();
    }
  }

  SenderLookup& lookup_;
  std::deque<std::pair<std::uint64_t, SenderAddress>> open_;
  std::vector<SenderAnswer> answers_;
  std::function<void()> wake_;
};

}  // namespace gunicorn_exporter
