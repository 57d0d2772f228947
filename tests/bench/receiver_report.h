// What both receivers of statsd_bench do beside receiving: they name the socket
// they are asked for, tell where it is bound, and what came of it.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace gunicorn_exporter {

// "udp" or "unix".
inline bool IsUnix(const char* argument) {
  return std::string(argument) == "unix";
}

// The first line, for who sends: the receiver is ready.
inline void PrintAddress(const std::string& address) {
  std::printf("address=%s\n", address.c_str());
  std::fflush(stdout);
}

struct Received {
  std::uint64_t packets = 0;
  std::uint64_t lines = 0;
  std::uint64_t dropped = 0;  // By the kernel.
};

// CPU seconds, user and system, of this process since it was made.
class CpuTime {
 public:
  double Seconds() const { return Now() - start_; }

 private:
  static double Now() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) +
             static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }

  const double start_ = Now();
};

// The last line. `cpu` is read before, so that printing is not in it.
inline void PrintReceived(const Received& received, double cpu) {
  std::printf("packets=%llu lines=%llu dropped=%llu cpu=%.3f\n",
              static_cast<unsigned long long>(received.packets),
              static_cast<unsigned long long>(received.lines),
              static_cast<unsigned long long>(received.dropped), cpu);
}

}  // namespace gunicorn_exporter
