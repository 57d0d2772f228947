// How long ago did a worker last tell its master that it lives?
//
// A worker touches a deleted file, /tmp/wgunicorn-xxxxxxxx, which it closes
// when it exits. Gunicorn 20 changes the file's mode, which sets ctime to the
// time of day; newer ones set mtime to the monotonic clock, which changes ctime
// too. Source: workers/workertmp.py, arbiter.py.
//
// Pure functions, safe from any thread.
#pragma once

#include <string_view>

#include "collectors/process/read/proc_reader.h"

namespace gunicorn_exporter {

// "/dev/shm/wgunicorn-ukt2ywa6 (deleted)"
bool IsHeartbeatFile(std::string_view target);

// In seconds, never negative. mtime is taken where it can only be the monotonic
// clock's: it then does not suffer from changes of the time of day.
double HeartbeatAge(const FileTimes& times, double monotonic_seconds,
                    double unix_seconds);

}  // namespace gunicorn_exporter
