// The StatsD receiver alone, for statsd_bench:
//
//     statsd_receiver udp|unix ADDRESS|PATH
//
// Prints the bound address; on SIGTERM packets, lines, the kernel's drops and
// its CPU seconds.
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <optional>
#include <string>

#include "collectors/statsd/statsd_server.h"

namespace gunicorn_exporter {
namespace {

// As in the exporter, every datagram's sender is asked for; nobody is known.
class NobodyKnown : public SenderLookup {
 public:
  std::optional<Sender> FindByPid(pid_t) override { return std::nullopt; }
  std::optional<Sender> FindByUdpSource(const sockaddr_storage&) override {
    return std::nullopt;
  }
  std::uint64_t Generation() const override { return 1; }
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s udp|unix ADDRESS|PATH\n", argv[0]);
    return 2;
  }
  Flags flags;
  const bool is_unix = std::string(argv[1]) == "unix";
  if (is_unix) {
    flags.statsd_listen_udp = {};
    flags.statsd_listen_unixgram = argv[2];
  } else {
    flags.statsd_listen_udp = {argv[2]};
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  NobodyKnown nobody;
  MetricStore store(Config(), SystemTime);
  StatsdServer server(flags, store, &nobody);
  server.Start();
  const Transport transport = is_unix ? Transport::kUnixgram : Transport::kUdp;
  std::printf("address=%s\n", server.addresses(transport).front().c_str());
  std::fflush(stdout);
  const double cpu_at_start = CpuSeconds();
  int signal = 0;
  sigwait(&signals, &signal);
  server.Stop();
  const double cpu = CpuSeconds() - cpu_at_start;
  std::printf(
      "packets=%llu lines=%llu dropped=%llu cpu=%.3f\n",
      static_cast<unsigned long long>(server.stats().packets(transport)),
      static_cast<unsigned long long>(server.stats().lines(transport)),
      static_cast<unsigned long long>(server.dropped_packets(transport)), cpu);
  return 0;
}

}  // namespace
}  // namespace gunicorn_exporter

int main(int argc, char** argv) { return gunicorn_exporter::Main(argc, argv); }
