#include "exporter/signals.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

namespace gunicorn_exporter {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

sigset_t SteeringSignals() {
  sigset_t set = StopSignals();
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = SteeringSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

UnblockedStop::UnblockedStop() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

UnblockedStop::~UnblockedStop() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

std::optional<Signal> WaitForSignal(
    std::chrono::steady_clock::time_point deadline) {
  using std::chrono::nanoseconds;
  const sigset_t set = SteeringSignals();
  const auto left = std::max<nanoseconds>(
      deadline - std::chrono::steady_clock::now(), nanoseconds(0));
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  const timespec timeout{left.count() / kNanoseconds,
                         left.count() % kNanoseconds};
  // That an interrupted wait ends early harms nobody.
  const int number = sigtimedwait(&set, nullptr, &timeout);
  if (number < 0) return std::nullopt;
  return number == SIGHUP ? Signal::kReload : Signal::kStop;
}

void RequestStop() { kill(getpid(), SIGTERM); }

}  // namespace gunicorn_exporter
