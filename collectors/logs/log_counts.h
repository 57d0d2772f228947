// What the log collector counts, and the families that it becomes. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/logs/log_line.h"
#include "collectors/metric_family.h"
#include "config/config.h"

namespace gunicorn_exporter {

// What reading brought, beside the messages.
struct ReadStats {
  std::uint64_t lines = 0;        // Line ends seen.
  std::uint64_t long_lines = 0;   // Cut at kMaxMessageBytes.
  std::uint64_t truncations = 0;  // Times that a file was cut.
  std::uint64_t open_errors = 0;
  std::uint64_t read_errors = 0;  // read(2) failed.

  void Add(const ReadStats& other);
};

class LogCounts {
 public:
  // The apps and the paths of logs whose series exist, from 0 on; those of all
  // others are dropped.
  void SetLogs(const std::set<std::string>& apps,
               const std::set<std::string>& paths);

  void AddErrorLine(const std::string& app, const ErrorLine& line);
  // `path` as the configuration has it.
  void AddUnmatched(const std::string& path, Unmatched reason);
  // An access line that a StatsD line has made needless.
  void AddRefused();
  struct Log {
    std::uint64_t matched = 0;  // Messages of a known format.
    std::size_t open_files = 0;
  };
  // Of all logs, since the start; and by path.
  void SetTotals(const ReadStats& totals,
                 const std::map<std::string_view, Log>& logs);

  // `config` for the apps' labels.
  std::vector<MetricFamily> Collect(const Config& config) const;

 private:
  struct App {
    std::array<std::uint64_t, std::size(kErrorLevelNames)> lines{};
    std::array<std::uint64_t, std::size(kWorkerEventNames)> events{};
  };

  struct Path {
    Log log;
    std::array<std::uint64_t, std::size(kUnmatchedNames)> unmatched{};
  };

  void AddLineFamilies(const Config& config,
                       std::vector<MetricFamily>& families) const;

  mutable std::mutex mutex_;  // Guards all below.
  std::map<std::string, App> apps_;
  std::map<std::string, Path> paths_;
  std::uint64_t refused_ = 0;
  ReadStats totals_;
};

}  // namespace gunicorn_exporter
