// Is a worker working, or idle?
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>

namespace gunicorn_exporter {

// Did a worker burn more CPU time than its heartbeat does, `ticks` of it within
// `seconds`? An idle worker wakes about once a second and takes well under a
// millisecond for it, so that a tick of it now and then is none of a request's.
bool IsBurningCpu(std::uint64_t ticks, double seconds, double ticks_per_second);

}  // namespace gunicorn_exporter
