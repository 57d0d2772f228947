// Whose lines are these? The apps of the senders of datagrams, as the process
// side knows them, and the lines of those that it has been asked for.
//
// A question is a message (SenderQuestions), so nothing here waits. Meanwhile
//
//   a sender never seen before               has its lines held, for 15 seconds
//                                            at most: a fleet may be starting
//   one whose answer was another             has its lines held, for 250 ms at
//   generation's, or "no"                    most; then the old answer serves
//   one whose answer is just 5 seconds old   is what it was
//
// A "no" is asked again soon, later ever more seldom. Held lines are bounded;
// past that, and past the times above, a line of an unknown sender is nobody's.
// Where the process side says that it does not answer, or no answer at all has
// come for 15 seconds, the process table hangs, and nothing is held any more.
//
// Not safe from several threads: it is the receiving thread's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/sender_questions.h"
#include "collectors/series/series_key.h"
#include "collectors/statsd/lines/received_line.h"
#include "collectors/statsd/who/string_table.h"

namespace gunicorn_exporter {

// The app of a sender, which is a gunicorn in the process table.
struct SenderApp {
  SeriesRef ref;
  // What its last line carried instead of its name, as it was told
  // (CarriedNames); empty: nothing was.
  std::string carried;
};

class Senders {
 public:
  using Time = std::chrono::milliseconds;
  using Clock = std::function<Time()>;  // A steady one.
  // Counts a line that was held, for its sender's app; null: it is nobody's.
  // Told by CountAnswered and CountAll alone; calls nothing of this.
  using CountHeld =
      std::function<void(const ReceivedLine& line, SenderApp* app)>;

  static Time SteadyNow() {
    return std::chrono::duration_cast<Time>(
        std::chrono::steady_clock::now().time_since_epoch());
  }

  // `questions` may be null: then nobody is known.
  Senders(SenderQuestions* questions, Clock clock, CountHeld count_held);

  // Before the lines of each packet.
  void BeginPacket() { packet_answer_ = nullptr; }

  // Sets the app of the line's sender, valid until Clear; null: it is nobody's.
  // False where a copy of the line is held: count_held will be told of it,
  // after those of its sender that are held already.
  bool FindOrHold(const ReceivedLine& line, SenderApp*& app);

  // Takes the answers that there are, and counts the held lines that have one
  // or have waited long enough.
  void CountAnswered();
  // Counts all of them.
  void CountAll();
  bool has_held() const { return held_lines_ != 0; }
  // Some have waited long enough, or there is no room for them: CountAnswered
  // is due before the next packet.
  bool is_due() const { return is_due_; }
  // How long until the first of them have waited enough. Nothing: none is held.
  std::optional<Time> HeldFor() const;

  // So many senders are remembered that it is time for Clear.
  bool IsFull() const { return answers_.size() >= kMostAnswers; }
  // Forgets all but those who are asked for now.
  void Clear();

 private:
  static constexpr std::size_t kMostAnswers = 8192;
  static constexpr std::size_t kMostQuestions = 4096;
  static constexpr std::size_t kMostHeldLines = 2048;
  static constexpr std::size_t kMostHeldBytes = 512U << 10U;

  struct Answer {
    SenderApp* app = nullptr;  // In apps_. Null: nobody's, or not known yet.
    std::uint64_t generation = 0;
    Time good_until{0};
    Time retry_after{0};         // Of a "no".
    std::uint64_t question = 0;  // 0: it is not asked for now.
  };
  struct HeldLine {
    Transport transport{};
    std::string text;
  };
  struct Question {
    SenderQuestion asked;
    std::string key;           // Of the answer.
    Answer* answer = nullptr;  // In answers_.
    bool is_asked = false;     // No: there was no room for it yet.
    Time hold_until{0};
    std::vector<HeldLine> lines;
  };

  void Ask(const DatagramSource& source, std::string_view key, bool is_new,
           Time now, Answer& answer);
  bool Hold(const ReceivedLine& line, Time now, Question& question);
  void Learn(const SenderAnswer& given, Time now, Answer& answer);
  void CountLines(Question& question);
  SenderApp* AppOf(const AppId& app);
  // When the first held lines have waited long enough.
  Time NextEnd() const;

  SenderQuestions* const questions_;
  const Clock clock_;
  const CountHeld count_held_;
  StringTable<Answer> answers_;  // By the sender's bytes.
  // What was good for a line of this packet, and is for those after it.
  const Answer* packet_answer_ = nullptr;
  // No ref is ever changed: events on their way to the store point at them.
  std::map<AppId, SenderApp> apps_;
  std::map<std::uint64_t, Question> open_;  // By number, oldest first.
  std::uint64_t last_question_ = 0;
  std::size_t not_asked_ = 0;  // Of open_.
  std::size_t held_lines_ = 0;
  std::size_t held_bytes_ = 0;
  bool is_due_ = false;
  Time first_end_ = Time::max();  // No hold_until with lines is before it.
  Time silent_since_{0};  // The last answer, or the first question after it.
};

}  // namespace gunicorn_exporter
