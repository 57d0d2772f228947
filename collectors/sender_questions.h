// Whose gunicorn sent this datagram? Questions of the StatsD receiver to the
// process thread, and its answers: messages both ways, so that neither waits
// for the other.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "collectors/app_id.h"

namespace gunicorn_exporter {

// A process that cannot be mistaken for a later one with the same pid.
struct Sender {
  AppId app;
  pid_t pid = 0;  // 0: one of the app's, seen only by what is the app's alone.
  // Clock ticks since boot, field 22 of proc(5) stat.
  std::uint64_t start_time = 0;
};

// Who sent a datagram, as the kernel tells it: one of the two.
struct SenderAddress {
  pid_t pid = 0;                        // SCM_CREDENTIALS; 0: not told.
  std::optional<sockaddr_storage> udp;  // A UDP packet's source.
};

struct SenderQuestion {
  std::uint64_t number = 0;  // The asker's.
  SenderAddress sender;
  bool is_new = true;  // No: it was a gunicorn's before.
};

struct SenderAnswer {
  std::uint64_t question = 0;    // Its number.
  std::optional<Sender> sender;  // Nothing: it is no known gunicorn's.
  // Generation() before the look: what changed since makes the answer old.
  std::uint64_t generation = 0;
};

// Thread rule: Ask, TakeAnswers and SetWake are one thread's, the receiver's.
// No call waits, and none throws.
class SenderQuestions {
 public:
  virtual ~SenderQuestions() = default;
  // False where too many questions wait already: ask again later. The process
  // side bounds the time that it spends on them; where the process table hangs,
  // no answer comes.
  virtual bool Ask(const SenderQuestion& question) = 0;
  // Those given since the last call.
  virtual std::vector<SenderAnswer> TakeAnswers() = 0;
  // Called by another thread whenever there is an answer to take; it must not
  // wait. Null: none any more, once this returns.
  virtual void SetWake(std::function<void()> wake) = 0;
  // False while the process table is known to hang: no answer is to be
  // expected. Any thread.
  virtual bool Answers() const = 0;
  // Changes whenever an answer given before may no longer hold: a gunicorn
  // came, went, or changed its name. Any thread; cheap enough for each packet.
  virtual std::uint64_t Generation() const = 0;
};

}  // namespace gunicorn_exporter
