// A question whose answer may take its time: a thread of its own waits for it.
// One at a time.
//
// Thread rule: one thread at a time. Destroying it waits for the answer, so a
// question has to have a limit of time.
#pragma once

#include <chrono>
#include <future>
#include <optional>
#include <system_error>
#include <utility>

namespace gunicorn_exporter {

// Key: what is asked about.
template <typename Key, typename Answer>
class BackgroundAnswer {
 public:
  bool is_awaited() const { return question_.has_value(); }

  // Where none is awaited. False where no thread is to be had: ask later.
  template <typename Ask>  // () to Answer
  bool Start(Key key, Ask ask) {
    try {
      question_ = {std::move(key),
                   std::async(std::launch::async, std::move(ask))};
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }

  // The answer, once; nothing where it has not come, or none is awaited.
  std::optional<std::pair<Key, Answer>> Take() {
    if (!question_ || question_->answer.wait_for(std::chrono::seconds(0)) !=
                          std::future_status::ready) {
      return std::nullopt;
    }
    Question question = std::move(*question_);
    question_.reset();
    return std::pair(std::move(question.key), question.answer.get());
  }

 private:
  struct Question {
    Key key;
    std::future<Answer> answer;
  };

  std::optional<Question> question_;
};

}  // namespace gunicorn_exporter
