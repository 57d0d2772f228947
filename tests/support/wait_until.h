// Waits for what another thread does.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

namespace gunicorn_exporter {

// Waits for what a thread of the server does; fails the test when it never
// does.
template <typename Condition>
void WaitUntil(Condition condition) {
  for (int i = 0; i < 60'000; ++i) {
    if (condition()) return;
    usleep(1000);
  }
  FAIL() << "it did not happen in a minute";
}

}  // namespace gunicorn_exporter
