#include "exporter/signals.h"

#include <signal.h>
#include <unistd.h>

namespace gunicorn_exporter {
namespace {

sigset_t SteeringSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = SteeringSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

Signal WaitForSignal() {
  const sigset_t set = SteeringSignals();
  int number = 0;
  while (sigwait(&set, &number) != 0) {
  }
  return number == SIGHUP ? Signal::kReload : Signal::kStop;
}

void RequestStop() { kill(getpid(), SIGTERM); }

}  // namespace gunicorn_exporter
