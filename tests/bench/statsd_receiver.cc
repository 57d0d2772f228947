// The StatsD receiver alone, for statsd_bench:
//
//     statsd_receiver udp|unix ADDRESS|PATH
//
// Prints the bound address; on SIGTERM packets, lines, the kernel's drops and
// its CPU seconds.
#include <signal.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collectors/statsd/receive/statsd_server.h"
#include "tests/bench/receiver_report.h"
#include "tests/support/registry_value.h"

namespace gunicorn_exporter {
namespace {

// As in the exporter, every datagram's sender is asked for; nobody is known.
class NobodyKnown : public SenderQuestions {
 public:
  bool Ask(const SenderQuestion& question) override {
    answers_.push_back({question.number, std::nullopt, 1});
    return true;
  }
  std::vector<SenderAnswer> TakeAnswers() override {
    return std::exchange(answers_, {});
  }
  void SetWake(std::function<void()>) override {}
  std::uint64_t Generation() const override { return 1; }
  bool Answers() const override { return true; }

 private:
  std::vector<SenderAnswer> answers_;
};

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s udp|unix ADDRESS|PATH\n", argv[0]);
    return 2;
  }
  Flags flags;
  const bool is_unix = IsUnix(argv[1]);
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
  prometheus::Registry registry;
  StatsdServer server(flags, store, registry, &nobody);
  server.Start();
  const Transport transport = is_unix ? Transport::kUnixgram : Transport::kUdp;
  PrintAddress(server.addresses(transport).front());
  const CpuTime cpu_time;
  int signal = 0;
  sigwait(&signals, &signal);
  server.Stop();
  const double cpu = cpu_time.Seconds();
  const auto count = [&](const std::string& what) {
    return static_cast<std::uint64_t>(
        RegistryValue(registry, "gunicorn_exporter_statsd_" + what + "_total",
                      TransportName(transport)));
  };
  PrintReceived({count("packets"), count("lines"), count("dropped_packets")},
                cpu);
  return 0;
}

}  // namespace
}  // namespace gunicorn_exporter

int main(int argc, char** argv) { return gunicorn_exporter::Main(argc, argv); }
