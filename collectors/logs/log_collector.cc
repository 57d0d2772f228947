#include "collectors/logs/log_collector.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "config/base/log.h"
#include "config/base/thread.h"

namespace gunicorn_exporter {
namespace {

// Between two looks at the files when nothing tells of a change.
constexpr std::chrono::milliseconds kLookEvery{1000};
// The same where folders cannot be watched.
constexpr std::chrono::milliseconds kPollEvery{250};
// Writes come in flocks: wait for more of them than one.
constexpr std::chrono::milliseconds kPause{20};
constexpr std::chrono::seconds kKeepEvery{1};
// At the end: a file that is written to all the time must not hold up a stop.
constexpr int kLastReads = 256;

// Far longer than gunicorn takes from writing a line to sending it.
constexpr std::chrono::milliseconds kUntilSent{50};

}  // namespace

LogCollector::LogCollector(const Config& config, const Flags& flags,
                           EventSink& sink,
                           std::function<bool(const std::string&)> is_known_app,
                           std::function<void()> wait_for_statsd)
    : position_file_(flags.logs_position_file),
      config_(std::make_shared<const Config>(config)),
      reader_(counts_, sink, std::move(is_known_app),
              [wait = std::move(wait_for_statsd)] {
                std::this_thread::sleep_for(kUntilSent);
                if (wait != nullptr) wait();
              }) {}

LogCollector::~LogCollector() { Stop(); }

void LogCollector::FindFiles() {
  LoadOldPositions();
  TakeConfig();
  watcher_.Watch(reader_.Folders());
}

void LogCollector::Start() {
  const std::lock_guard lock(mutex_);
  is_running_ = true;
  thread_ = StartThread("logs", [this] { Run(); });
}

void LogCollector::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_running_ = false;
  }
  watcher_.Wake();
  thread_.join();
  // A file that came in the last moment, and its lines.
  reader_.Scan(Clock::now());
  for (int i = 0; i < kLastReads && reader_.Read(Clock::now()); ++i) {
  }
  KeepPositions();
}

void LogCollector::Reconfigure(const Config& config) {
  std::unique_lock lock(mutex_);
  const auto wanted = std::make_shared<const Config>(config);
  config_ = wanted;
  if (!is_running_) return;
  watcher_.Wake();
  config_taken_.wait(lock, [&] {
    return taken_config_ == wanted || config_ != wanted || !is_running_;
  });
}

Collected LogCollector::Collect(Deadline /*deadline*/) {
  std::shared_ptr<const Config> config;
  {
    const std::lock_guard lock(mutex_);
    config = config_;
  }
  return {counts_.Collect(*config), {}};
}

void LogCollector::LoadOldPositions() {
  if (position_file_.empty()) return;
  try {
    kept_positions_ = LoadPositions(position_file_);
  } catch (const std::runtime_error& error) {
    // A start must not fail by it: the logs then begin at their ends.
    LogEvent(LogLevel::kWarn, "log_positions_unreadable",
             {{"error", error.what()}});
  }
}

void LogCollector::KeepPositions() {
  if (position_file_.empty()) return;
  KeptPositions positions = reader_.Positions();
  if (positions == kept_positions_) return;
  try {
    SavePositions(position_file_, positions);
    kept_positions_ = std::move(positions);
    has_position_error_ = false;
  } catch (const std::runtime_error& error) {
    if (!std::exchange(has_position_error_, true)) {
      LogEvent(LogLevel::kWarn, "log_positions_unwritable",
               {{"error", error.what()}});
    }
  }
}

bool LogCollector::TakeConfig() {
  std::unique_lock lock(mutex_);
  if (taken_config_ != config_) {
    const std::shared_ptr<const Config> config = config_;
    const bool is_first = taken_config_ == nullptr;
    lock.unlock();  // A scrape must not wait for a disk.
    reader_.Configure(*config, is_first ? kept_positions_ : std::nullopt);
    reader_.Scan(Clock::now());
    lock.lock();
    taken_config_ = config;
    config_taken_.notify_all();
  }
  return is_running_;
}

void LogCollector::Run() {
  // The receivers go first when the processor is scarce. The priority is this
  // thread's alone on Linux; see setpriority(2).
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);
  Clock::time_point next_look;
  Clock::time_point next_keep;
  while (TakeConfig()) {
    const Clock::time_point now = Clock::now();
    if (now >= next_look) {
      reader_.Scan(now);
      watcher_.Watch(reader_.Folders());
      next_look = now + (watcher_.sees_all() ? kLookEvery : kPollEvery);
    }
    const bool has_more = reader_.Read(now);
    if (now >= next_keep) {
      KeepPositions();
      next_keep = now + kKeepEvery;
    }
    if (has_more) continue;
    const auto change =
        watcher_.Wait(watcher_.sees_all() ? kLookEvery : kPollEvery);
    if (change == FileWatcher::Change::kReplaced) next_look = {};
    if (change != FileWatcher::Change::kNothing) watcher_.Pause(kPause);
  }
}

}  // namespace gunicorn_exporter
