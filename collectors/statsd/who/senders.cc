#include "collectors/statsd/who/senders.h"

#include <netinet/in.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "config/base/address.h"

namespace gunicorn_exporter {
namespace {

using Time = Senders::Time;

constexpr Time kGoodFor = std::chrono::seconds(5);
constexpr Time kFirstRetry(50);
constexpr Time kLastRetry = std::chrono::seconds(3);
constexpr Time kHoldNew = std::chrono::seconds(15);
constexpr Time kHoldKnown(250);
constexpr Time kSilence = kHoldNew;  // The process table hangs.

// The bytes that tell senders apart: as the kernel writes them, always all.
std::string_view KeyOf(const DatagramSource& source) {
  if (source.address == nullptr) {
    return {reinterpret_cast<const char*>(&source.pid), sizeof(source.pid)};
  }
  return {reinterpret_cast<const char*>(source.address),
          source.address->ss_family == AF_INET ? sizeof(sockaddr_in)
                                               : sizeof(sockaddr_in6)};
}

}  // namespace

Senders::Senders(SenderQuestions* questions, Clock clock, CountHeld count_held)
    : questions_(questions),
      clock_(std::move(clock)),
      count_held_(std::move(count_held)) {}

bool Senders::FindOrHold(const ReceivedLine& line, SenderApp*& app) {
  if (packet_answer_ != nullptr) {
    app = packet_answer_->app;
    return true;
  }
  const DatagramSource& source = line.source;
  if (questions_ == nullptr || (source.pid == 0 && source.address == nullptr)) {
    app = nullptr;
    return true;
  }
  const Time now = clock_();
  const std::string_view key = KeyOf(source);
  Answer* answer = answers_.Find(key);
  if (answer != nullptr && now < answer->good_until && answer->question == 0 &&
      answer->generation == questions_->Generation()) {
    packet_answer_ = answer;
    app = answer->app;
    return true;
  }
  const bool is_new = answer == nullptr;
  if (is_new) answer = &answers_.Insert(key, Answer());
  if (answer->question == 0) Ask(source, key, is_new, now, *answer);
  const auto question = open_.find(answer->question);
  app = answer->app;
  return question == open_.end() || !Hold(line, now, question->second);
}

void Senders::Ask(const DatagramSource& source, std::string_view key,
                  bool is_new, Time now, Answer& answer) {
  if (open_.size() >= kMostQuestions) return;
  if (open_.empty()) silent_since_ = now;
  answer.question = ++last_question_;
  Question& question = open_[answer.question];
  question.asked.number = answer.question;
  question.asked.is_new = answer.app == nullptr;
  question.asked.sender.pid = source.pid;
  if (source.address != nullptr)
    question.asked.sender.udp = Unmapped(*source.address);
  question.key = key;
  question.answer = &answer;
  const bool is_as_before =
      answer.app != nullptr && answer.generation == questions_->Generation();
  if (!is_as_before) {
    question.hold_until = now + (is_new ? kHoldNew : kHoldKnown);
  }
  question.is_asked = questions_->Ask(question.asked);
  if (!question.is_asked) ++not_asked_;
}

bool Senders::Hold(const ReceivedLine& line, Time now, Question& question) {
  const bool is_known = question.answer->app != nullptr;
  const bool is_crowded = held_lines_ >= kMostHeldLines ||
                          held_bytes_ + line.text.size() > kMostHeldBytes;
  if (now >= std::min(question.hold_until, silent_since_ + kSilence) ||
      (is_crowded && is_known) || !questions_->Answers()) {
    if (question.lines.empty()) return false;
    // An app's lines are counted in the order in which they came.
    question.hold_until = std::min(question.hold_until, now);
    is_due_ = true;
  } else if (is_crowded) {
    return false;
  }
  question.lines.push_back({line.transport, std::string(line.text)});
  ++held_lines_;
  held_bytes_ += line.text.size();
  first_end_ = std::min(first_end_, question.hold_until);
  return true;
}

void Senders::CountAnswered() {
  if (open_.empty()) return;
  const Time now = clock_();
  for (const SenderAnswer& given : questions_->TakeAnswers()) {
    const auto found = open_.find(given.question);
    if (found == open_.end()) continue;
    silent_since_ = now;
    Learn(given, now, *found->second.answer);
    CountLines(found->second);
    open_.erase(found);
  }
  for (auto& [number, question] : open_) {
    if (not_asked_ == 0) break;
    if (question.is_asked) continue;
    question.is_asked = questions_->Ask(question.asked);
    if (!question.is_asked) break;
    --not_asked_;
  }
  is_due_ = false;
  if (now < NextEnd()) return;
  first_end_ = Time::max();
  for (auto& [number, question] : open_) {
    if (now >= std::min(question.hold_until, silent_since_ + kSilence)) {
      CountLines(question);
    } else if (!question.lines.empty()) {
      first_end_ = std::min(first_end_, question.hold_until);
    }
  }
}

void Senders::CountAll() {
  for (auto& [number, question] : open_) CountLines(question);
}

std::optional<Time> Senders::HeldFor() const {
  if (!has_held()) return std::nullopt;
  return std::max(Time(0), NextEnd() - clock_());
}

Time Senders::NextEnd() const {
  if (!has_held()) return Time::max();
  return std::min(first_end_, silent_since_ + kSilence);
}

void Senders::Learn(const SenderAnswer& given, Time now, Answer& answer) {
  answer.question = 0;
  answer.generation = given.generation;
  if (given.sender) {
    answer.app = AppOf(given.sender->app);
    answer.retry_after = Time(0);
    answer.good_until = now + kGoodFor;
  } else {
    answer.app = nullptr;
    answer.retry_after =
        std::clamp(answer.retry_after * 2, kFirstRetry, kLastRetry);
    answer.good_until = now + answer.retry_after;
  }
}

void Senders::CountLines(Question& question) {
  const SenderAddress& sender = question.asked.sender;
  const DatagramSource source{sender.pid, sender.udp ? &*sender.udp : nullptr,
                              nullptr};
  for (const HeldLine& line : question.lines) {
    --held_lines_;
    held_bytes_ -= line.text.size();
    count_held_({line.transport, line.text, source}, question.answer->app);
  }
  question.lines.clear();
}

SenderApp* Senders::AppOf(const AppId& app) {
  return &apps_.try_emplace(app, SenderApp{{{app, {}}}, {}}).first->second;
}

void Senders::Clear() {
  packet_answer_ = nullptr;
  StringTable<Answer> old_answers;
  std::map<AppId, SenderApp> old_apps;
  std::swap(answers_, old_answers);
  std::swap(apps_, old_apps);
  for (auto& [number, question] : open_) {
    Answer& kept = answers_.Insert(question.key, *question.answer);
    if (kept.app != nullptr) kept.app = AppOf(kept.app->ref.key.app);
    question.answer = &kept;
  }
}

}  // namespace gunicorn_exporter
