// Starting threads.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace gunicorn_exporter {

// A thread that takes no signals, which are the main thread's. `name`: as in
// /proc/PID/task/TID/comm, 15 bytes at most. Throws std::system_error where no
// thread is to be had.
template <typename Run>
std::thread StartThread(const char* name, Run run) {
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  struct Restore {  // Also where it cannot be started.
    const sigset_t& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } const restore{old};
  std::thread thread(std::move(run));
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

}  // namespace gunicorn_exporter
