#include "collectors/logs/log_counts.h"

#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include "collectors/app_labels.h"

namespace gunicorn_exporter {
namespace {

// One series for each name of an enum.
template <std::size_t N>
void AddCounts(MetricFamily& family, const LabelSetPtr& common,
               std::string_view label, const std::string_view (&names)[N],
               const std::array<std::uint64_t, N>& counts) {
  for (std::size_t i = 0; i < N; ++i) {
    AddSeries(family, common,
              MakeLabels({{std::string(label), std::string(names[i])}}),
              static_cast<double>(counts[i]));
  }
}

}  // namespace

void ReadStats::Add(const ReadStats& other) {
  lines += other.lines;
  long_lines += other.long_lines;
  truncations += other.truncations;
  open_errors += other.open_errors;
  read_errors += other.read_errors;
}

void LogCounts::SetLogs(const std::set<std::string>& apps,
                        const std::set<std::string>& paths) {
  const auto keep = [](auto& counts, const std::set<std::string>& names) {
    std::erase_if(counts, [&](const auto& entry) {
      return !names.contains(entry.first);
    });
    for (const std::string& name : names) counts[name];
  };
  const std::lock_guard lock(mutex_);
  keep(apps_, apps);
  keep(paths_, paths);
}

void LogCounts::AddErrorLine(const std::string& app, const ErrorLine& line) {
  const std::lock_guard lock(mutex_);
  App& counts = apps_[app];
  ++counts.lines[static_cast<std::size_t>(line.level)];
  if (line.event) ++counts.events[static_cast<std::size_t>(*line.event)];
}

void LogCounts::AddUnmatched(const std::string& path, Unmatched reason) {
  const std::lock_guard lock(mutex_);
  ++paths_[path].unmatched[static_cast<std::size_t>(reason)];
}

void LogCounts::AddRefused() {
  const std::lock_guard lock(mutex_);
  ++refused_;
}

void LogCounts::SetTotals(const ReadStats& totals,
                          const std::map<std::string_view, Log>& logs) {
  const std::lock_guard lock(mutex_);
  totals_ = totals;
  for (auto& [path, counts] : paths_) {
    const auto now = logs.find(path);
    counts.log = now == logs.end() ? Log() : now->second;
  }
}

void LogCounts::AddLineFamilies(const Config& config,
                                std::vector<MetricFamily>& families) const {
  MetricFamily lines = {
      "gunicorn_log_lines_total",
      "Messages of the error log by level, of the files that the configuration "
      "names under logs.",
      MetricType::kCounter,
      {}};
  MetricFamily events = {"gunicorn_worker_events_total",
                         "What the error log says of workers: booted, exited, "
                         "timed out, killed by a signal.",
                         MetricType::kCounter,
                         {}};
  MetricFamily unmatched = {
      "gunicorn_exporter_logs_unmatched_lines_total",
      "Lines of log files that fit no known format, by the path of the log and "
      "the reason; duration: the request counts, its duration does not, since "
      "nothing tells its unit.",
      MetricType::kCounter,
      {}};
  MetricFamily matched = {"gunicorn_exporter_logs_matched_lines_total",
                          "Lines of log files that fit a known format, by the "
                          "path of the log; a message of several is one.",
                          MetricType::kCounter,
                          {}};
  MetricFamily open_files = {"gunicorn_exporter_logs_open_files",
                             "Files of the log that are open now, rotated ones "
                             "that still may grow included, by its path.",
                             MetricType::kGauge,
                             {}};
  for (const auto& [name, counts] : apps_) {
    const LabelSetPtr labels = MakeAppLabels({name, "", ""}, config);
    AddCounts(lines, labels, "level", kErrorLevelNames, counts.lines);
    AddCounts(events, labels, "event", kWorkerEventNames, counts.events);
  }
  for (const auto& [path, counts] : paths_) {
    const LabelSetPtr labels = MakeLabels({{"path", path}});
    AddSeries(matched, labels, nullptr,
              static_cast<double>(counts.log.matched));
    AddCounts(unmatched, labels, "reason", kUnmatchedNames, counts.unmatched);
    AddSeries(open_files, labels, nullptr,
              static_cast<double>(counts.log.open_files));
  }
  families.push_back(std::move(lines));
  families.push_back(std::move(events));
  families.push_back(std::move(matched));
  families.push_back(std::move(unmatched));
  families.push_back(std::move(open_files));
}

std::vector<MetricFamily> LogCounts::Collect(const Config& config) const {
  const std::lock_guard lock(mutex_);
  std::vector<MetricFamily> families;
  AddLineFamilies(config, families);
  const auto add = [&](const char* name, const char* help,
                       std::uint64_t value) {
    families.push_back({name, help, MetricType::kCounter, {}});
    AddSeries(families.back(), nullptr, nullptr, static_cast<double>(value));
  };
  add("gunicorn_exporter_logs_lines_total", "Lines read from log files.",
      totals_.lines);
  add("gunicorn_exporter_logs_refused_lines_total",
      "Access lines that do not count since the app's StatsD lines do.",
      refused_);
  add("gunicorn_exporter_logs_long_lines_total",
      "Lines of log files that were cut at 64 KiB.", totals_.long_lines);
  add("gunicorn_exporter_logs_truncations_total",
      "Times that a log file was cut (copytruncate).", totals_.truncations);

  MetricFamily& errors = families.emplace_back(
      MetricFamily{"gunicorn_exporter_logs_read_errors_total",
                   "Failures to open or to read a log file, by call.",
                   MetricType::kCounter,
                   {}});
  AddSeries(errors, nullptr, MakeLabels({{"reason", "open"}}),
            static_cast<double>(totals_.open_errors));
  AddSeries(errors, nullptr, MakeLabels({{"reason", "read"}}),
            static_cast<double>(totals_.read_errors));
  return families;
}

}  // namespace gunicorn_exporter
