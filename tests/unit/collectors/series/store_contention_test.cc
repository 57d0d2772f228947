// Receiving goes on while others hold the store.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collectors/statsd/receive/statsd_server.h"
#include "tests/support/find_series.h"
#include "tests/support/registry_value.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

// A clock that, asked by one thread, makes it wait: the store asks for the time
// while it is locked.
class Gate {
 public:
  TimePoint Now() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (std::this_thread::get_id() == stopped_) {
      is_held_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return is_open_; });
    }
    return SystemTime();
  }
  void StopThisThread() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = std::this_thread::get_id();
  }
  void WaitUntilHeld() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return is_held_; });
  }
  void Open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread::id stopped_;
  bool is_held_ = false;
  bool is_open_ = false;
};

Flags UnixFlags(const std::string& path) {
  Flags flags;
  flags.statsd_listen_udp = {};
  flags.statsd_listen_unixgram = path;
  return flags;
}

TEST(StatsdServer, TakesDatagramsWhileTheStoreIsLocked) {
  const TempDir directory;
  Gate gate;
  MetricStore store(Config(), [&] { return gate.Now(); });
  prometheus::Registry registry;
  StatsdServer server(UnixFlags(directory / "socket"), store, registry,
                      nullptr);
  server.Start();
  std::thread holder([&] {
    gate.StopThisThread();
    const Event events[] = {Event()};
    store.AddFromLog({"from_log", "", ""}, events);
  });
  gate.WaitUntilHeld();
  // The kernel's queue holds about ten: these sends end only if somebody reads.
  const FileDescriptor gunicorn = ConnectUnix(directory / "socket");
  constexpr int kSent = 5000;
  for (int i = 0; i < kSent; ++i) {
    SendText(gunicorn, "gunicorn.requests:1|c|#app:shop");
  }
  EXPECT_EQ(StatsdLines(registry, "unixgram"), 0);
  gate.Open();
  holder.join();
  WaitUntil([&] { return StatsdLines(registry, "unixgram") == kSent; });
  const auto families = store.Collect({}).families;
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"shop\""),
            kSent);
  EXPECT_EQ(ValueOf(families, "gunicorn_requests_total", "app=\"from_log\""),
            1);
}

// For ThreadSanitizer above all: everything at once, and nothing is lost.
TEST(StatsdServer, LosesNothingWhileScrapesAndReloadsRun) {
  const TempDir directory;
  Config config;
  config.statsd.series_ttl = std::chrono::hours(1);
  MetricStore store(config, SystemTime);
  prometheus::Registry registry;
  StatsdServer server(UnixFlags(directory / "socket"), store, registry,
                      nullptr);
  server.Start();
  std::atomic<bool> done{false};
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&] {
      while (!done) store.Collect({});
    });
  }
  others.emplace_back([&] {
    for (int i = 0; !done; ++i) {
      Config changed = config;
      changed.statsd.quantile_window = std::chrono::seconds(30 + i % 2);
      changed.process.pod_labels = false;
      store.Reconfigure(changed);
      store.SetKnownApps({{"app1", "", ""}, {"other", "", ""}});
      store.Arrivals();
    }
  });
  const FileDescriptor gunicorn = ConnectUnix(directory / "socket");
  constexpr int kSent = 3000;
  for (int i = 0; i < kSent; ++i) {
    SendText(gunicorn, "gunicorn.requests:1|c|#app:app" +
                           std::to_string(i % 3) +
                           "\ngunicorn.request.duration:5|ms|#app:app1");
  }
  WaitUntil([&] { return StatsdLines(registry, "unixgram") == 2 * kSent; });
  done = true;
  for (std::thread& thread : others) thread.join();
  const auto families = store.Collect({}).families;
  for (const char* app : {"app0", "app1", "app2"}) {
    EXPECT_EQ(ValueOf(families, "gunicorn_requests_total",
                      "app=\"" + std::string(app) + "\""),
              kSent / 3);
  }
  EXPECT_EQ(
      FindSeries(families, "gunicorn_request_duration_seconds", "app=\"app1\"")
          ->histogram->count,
      kSent);
}

}  // namespace
}  // namespace gunicorn_exporter
