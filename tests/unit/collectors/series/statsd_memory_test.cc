// What the data path takes from the heap: nothing in the steady state, and
// never more than its bounds.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <initializer_list>
#include <new>
#include <string>

#include "collectors/series/metric_store.h"
#include "collectors/statsd/lines/line_handler.h"
#include "tests/support/fake_time.h"
#include "tests/support/find_series.h"

namespace {

std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> most_bytes{0};

}  // namespace

void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  ++allocations;
  const std::size_t live = live_bytes += malloc_usable_size(memory);
  if (live > most_bytes) most_bytes = live;
  return memory;
}
void operator delete(void* memory) noexcept {
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}

namespace gunicorn_exporter {
namespace {

// A packet of lines that end alike.
std::string Lines(std::initializer_list<const char*> lines,
                  const std::string& end) {
  std::string packet;
  for (const char* const line : lines) {
    packet += line;
    packet += end;
    packet += '\n';
  }
  return packet;
}

class StatsdMemoryTest : public testing::Test {
 protected:
  void Send(const std::string& packet) {
    handler_.HandleDatagram(Transport::kUdp, packet, {}, false);
  }

  FakeTime time_;
  MetricStore store_{Config(), time_.Source()};
  prometheus::Registry registry_;
  ReceiverMetrics metrics_{registry_};
  LineHandler handler_{store_, nullptr, metrics_, nullptr};
};

TEST_F(StatsdMemoryTest, ALineAllocatesNothingInTheSteadyState) {
  const std::string packets[] = {
      "gunicorn.request.duration:12.5:900|ms|#app:shop\n"
      "gunicorn.requests:1|c|@1.0|#app:shop\n"
      "gunicorn.request.status.200:1|c|@0.5|#app:shop",
      "team.gunicorn.request.status.418:1|c\nteam.gunicorn.backlog:3|h",
      "gunicorn.workers:+1|g\ngunicorn.log.error:1|c",
      "broken\nother.name:1|c\n_e{1,1}:a|b",
  };
  const auto pass = [&] {
    for (const std::string& packet : packets) Send(packet);
    handler_.Flush();
  };
  // Through all slots of the window.
  for (int i = 0; i < 100; ++i) {
    pass();
    time_.Advance(std::chrono::seconds(1));
  }
  const std::size_t before = allocations;
  for (int i = 0; i < 1000; ++i) {
    pass();
    time_.Advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(allocations, before);
}

TEST_F(StatsdMemoryTest, AnAppCostsLessThanTenKilobytes) {
  Config config;
  config.statsd.max_series = 100'000;
  store_.Reconfigure(config);
  const std::size_t before = live_bytes;
  constexpr std::size_t kApps = 1000;
  for (int second = 0; second < 70; second += 5) {
    for (std::size_t app = 0; app < kApps; ++app) {
      const std::string tag = "|#app:app" + std::to_string(app);
      // Two milliseconds to 3.7 seconds.
      double milliseconds = 1;
      for (int i = 0; i < 14; ++i) {
        milliseconds *= 1.8;
        std::string line = "gunicorn.request.duration:";
        line += std::to_string(milliseconds);
        line += "|ms";
        Send(line += tag);
      }
      Send(Lines({"gunicorn.requests:1|c", "gunicorn.workers:3|g"}, tag));
    }
    handler_.Flush();
    time_.Advance(std::chrono::seconds(5));
  }
  EXPECT_LT((live_bytes - before) / kApps, 10U * 1024U);
}

TEST_F(StatsdMemoryTest, StrangersNamesStayBoundedAndKnownAppsRight) {
  constexpr int kKnown = 20;
  std::vector<AppId> known;
  known.reserve(kKnown);
  for (int i = 0; i < kKnown; ++i) {
    known.push_back({"known" + std::to_string(i), "", ""});
  }
  store_.SetKnownApps(known);
  const std::size_t before = live_bytes;
  most_bytes = before;
  const std::string padding(200, 'x');
  for (int i = 0; i < 200'000; ++i) {
    const std::string name = padding + std::to_string(i);
    Send(i % 2 == 0 ? "gunicorn.request.duration:5|ms|#app:" + name
                    : name + ".gunicorn.requests:1|c");
    if (i % 100 == 0) {
      const std::string tag = "|#app:known" + std::to_string(i / 100 % 20);
      Send(Lines({"gunicorn.requests:1|c", "gunicorn.request.duration:5|ms"},
                 tag));
    }
    if (i % 64 == 0) handler_.Flush();
  }
  handler_.Flush();
  constexpr std::size_t kMebibyte = 1U << 20U;
  EXPECT_LT(most_bytes - before, 40 * kMebibyte);
  const auto families = store_.Collect({}).families;
  for (const AppId& app : known) {
    const std::string labels = "app=\"" + app.name + "\"";
    EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", labels), 100);
    const Series* const durations =
        FindSeries(families, "gunicorn_request_duration_seconds", labels);
    ASSERT_NE(durations, nullptr);
    EXPECT_EQ(durations->histogram->count, 100);
  }
  EXPECT_GT(ValueOf(families, "gunicorn_exporter_statsd_refused_series_total",
                    R"(reason="limit")"),
            100'000);
}

}  // namespace
}  // namespace gunicorn_exporter
