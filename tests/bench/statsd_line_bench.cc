// From the bytes of a line to its series, in one process: nanoseconds a line,
// and allocations, for 1 to 1000 apps. gunicorn's three lines a request.
//
//     taskset -c 1 build/dev/tests/bench/statsd_line_bench
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "collectors/series/metric_store.h"
#include "collectors/statsd/lines/line_handler.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace gunicorn_exporter {
namespace {

using Clock = std::chrono::steady_clock;

enum class NamedBy { kTag, kPrefix, kOnlyApp };

std::string Line(NamedBy naming, int app, const std::string& rest) {
  const std::string name = "app-" + std::to_string(app);
  switch (naming) {
    case NamedBy::kTag:
      return "gunicorn." + rest + "|#app:" + name;
    case NamedBy::kPrefix:
      return name + ".gunicorn." + rest;
    case NamedBy::kOnlyApp:
      break;
  }
  return "gunicorn." + rest;
}

// One packet a request, of requests spread over the apps.
std::vector<std::string> MakePackets(NamedBy naming, int apps) {
  constexpr int kPackets = 4096;
  std::vector<std::string> packets;
  unsigned random = 1;
  for (int i = 0; i < kPackets; ++i) {
    random = random * 1664525U + 1013904223U;
    const int app =
        static_cast<int>((random >> 8U) % static_cast<unsigned>(apps));
    const std::string duration = std::to_string((random >> 12U) % 900 + 1) +
                                 "." + std::to_string((random >> 5U) % 1000);
    packets.push_back(
        Line(naming, app, "request.duration:" + duration + "|ms") + "\n" +
        Line(naming, app, "requests:1|c|@1.0") + "\n" +
        Line(naming, app, "request.status.200:1|c|@1.0"));
  }
  return packets;
}

void Run(const char* label, NamedBy naming, int apps) {
  Config config;
  config.statsd.max_series = 1'000'000;
  MetricStore store(config, SystemTime);
  std::vector<AppId> known;
  known.reserve(static_cast<std::size_t>(apps));
  for (int app = 0; app < apps; ++app) {
    known.push_back({"app-" + std::to_string(app), "", ""});
  }
  store.SetKnownApps(known);
  prometheus::Registry registry;
  ReceiverMetrics metrics(registry);
  LineHandler handler(store, nullptr, metrics, nullptr);
  const std::vector<std::string> packets = MakePackets(naming, apps);
  const auto pass = [&] {
    int waiting = 0;
    for (const std::string& packet : packets) {
      handler.HandleDatagram(Transport::kUdp, packet, {}, false);
      if (++waiting % 64 == 0) handler.Flush();
    }
    handler.Flush();
  };
  constexpr int kWarmUp = 10;
  constexpr int kPasses = 101;
  for (int i = 0; i < kWarmUp; ++i) pass();
  std::vector<double> nanoseconds;
  nanoseconds.reserve(kPasses);
  const std::uint64_t before = allocations;
  std::uint64_t allocated = 0;
  for (int i = 0; i < kPasses; ++i) {
    const Clock::time_point start = Clock::now();
    pass();
    const double time =
        std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    allocated = allocations - before;
    nanoseconds.push_back(time / static_cast<double>(packets.size() * 3));
  }
  std::sort(nanoseconds.begin(), nanoseconds.end());
  std::printf("%-8s %5d apps: %6.1f ns/line (best %.1f), %llu allocations\n",
              label, apps, nanoseconds[nanoseconds.size() / 2],
              nanoseconds.front(), static_cast<unsigned long long>(allocated));
}

}  // namespace
}  // namespace gunicorn_exporter

int main() {
  using gunicorn_exporter::NamedBy;
  for (const int apps : {1, 10, 100, 1000}) {
    gunicorn_exporter::Run("tag", NamedBy::kTag, apps);
    gunicorn_exporter::Run("prefix", NamedBy::kPrefix, apps);
  }
  gunicorn_exporter::Run("only app", NamedBy::kOnlyApp, 1);
  return 0;
}
