// The collector "logs": a thread that follows the files of `logs`, and the
// series that come of them.
//
// A restart: with --logs.position-file the places are written each second and
// at the end, whole or not at all, and the next process goes on exactly there.
// After a stop in order no line is read twice and none is left out. After a
// kill none is left out either; what was read since the places were written
// last, in a second, is read again. Counters begin at 0 with each process: what
// it had counted since the last scrape goes with it, as all counters' do.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "collectors/collector.h"
#include "collectors/logs/file_watcher.h"
#include "collectors/logs/log_counts.h"
#include "collectors/logs/log_reader.h"
#include "collectors/series/event_sink.h"
#include "config/config.h"

namespace gunicorn_exporter {

class LogCollector : public Collector {
 public:
  // `sink` must outlive the collector. All calls come from its thread.
  // `wait_for_statsd` returns when StatsD lines that were sent before it was
  // called have arrived in the sink; may be null.
  LogCollector(const Config& config, const Flags& flags, EventSink& sink,
               std::function<bool(const std::string&)> is_known_app,
               std::function<void()> wait_for_statsd = nullptr);
  ~LogCollector() override;  // Stops.

  // Finds the files: what is written after it returns is counted. Once.
  void FindFiles();
  // Reads in a thread of its own, after FindFiles. Once; after the StatsD
  // receivers have started, or else what waits for them counts twice.
  void Start();
  // Reads what is there, keeps the places and ends the thread. Any number of
  // times.
  void Stop();
  // A reload: logs that stay go on, those that went are dropped with their
  // apps' series, new ones begin at their end. Returns when it is done.
  void Reconfigure(const Config& config);

  std::string_view Name() const override { return "logs"; }
  Collected Collect(Deadline deadline) override;

 private:
  using Clock = LogReader::Clock;

  void Run();
  // Takes up a reload. False when the thread is to end.
  bool TakeConfig();
  void LoadOldPositions();
  void KeepPositions();

  const std::string position_file_;  // Empty: off.
  LogCounts counts_;
  FileWatcher watcher_;

  std::mutex mutex_;  // Guards these.
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const Config> taken_config_;  // The one that the reader has.
  bool is_running_ = false;
  std::condition_variable config_taken_;

  // The thread's, and before and after it Start's and Stop's.
  LogReader reader_;
  std::optional<KeptPositions> kept_positions_;  // Empty: no such file yet.
  bool has_position_error_ = false;
  std::thread thread_;
};

}  // namespace gunicorn_exporter
