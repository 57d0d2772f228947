#include "collectors/logs/log_counts.h"

#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include "collectors/app_labels.h"

namespace gunicorn_exporter {
namespace {

MetricFamily MakeFamily(std::string name, std::string help, MetricType type) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

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
  keep(unmatched_, paths);
}

void LogCounts::AddErrorLine(const std::string& app, const ErrorLine& line) {
  const std::lock_guard lock(mutex_);
  App& counts = apps_[app];
  ++counts.lines[static_cast<std::size_t>(line.level)];
  if (line.event) ++counts.events[static_cast<std::size_t>(*line.event)];
}

void LogCounts::AddUnmatched(const std::string& path, Unmatched reason) {
  const std::lock_guard lock(mutex_);
  ++unmatched_[path][static_cast<std::size_t>(reason)];
}

void LogCounts::AddRefused() {
  const std::lock_guard lock(mutex_);
  ++refused_;
}

void LogCounts::SetTotals(const LogTotals& totals) {
  const std::lock_guard lock(mutex_);
  totals_ = totals;
}

void LogCounts::AddAppFamilies(const Config& config,
                               std::vector<MetricFamily>& families) const {
  MetricFamily lines = MakeFamily(
      "gunicorn_log_lines_total",
      "Messages of the error log by level, of the files that the configuration "
      "names under logs.",
      MetricType::kCounter);
  MetricFamily events = MakeFamily("gunicorn_worker_events_total",
                                   "What the error log says of workers: "
                                   "booted, exited, timed out, killed by "
                                   "a signal.",
                                   MetricType::kCounter);
  for (const auto& [name, counts] : apps_) {
    const LabelSetPtr labels = MakeAppLabels({name, "", ""}, config);
    AddCounts(lines, labels, "level", kErrorLevelNames, counts.lines);
    AddCounts(events, labels, "event", kWorkerEventNames, counts.events);
  }
  families.push_back(std::move(lines));
  families.push_back(std::move(events));
}

std::vector<MetricFamily> LogCounts::Collect(const Config& config) const {
  const std::lock_guard lock(mutex_);
  std::vector<MetricFamily> families;
  AddAppFamilies(config, families);

  MetricFamily unmatched =
      MakeFamily("gunicorn_exporter_logs_unmatched_lines_total",
                 "Lines of log files that fit no known format, by the path of "
                 "the log and the reason; duration: the request counts, its "
                 "duration does not, since nothing tells its unit.",
                 MetricType::kCounter);
  for (const auto& [path, counts] : unmatched_) {
    AddCounts(unmatched, MakeLabels({{"path", path}}), "reason",
              kUnmatchedNames, counts);
  }
  families.push_back(std::move(unmatched));

  const struct {
    const char* name;
    const char* help;
    std::uint64_t value;
  } plain[] = {
      {"gunicorn_exporter_logs_lines_total", "Lines read from log files.",
       totals_.lines},
      {"gunicorn_exporter_logs_refused_lines_total",
       "Access lines that do not count since the app's StatsD lines do.",
       refused_},
      {"gunicorn_exporter_logs_long_lines_total",
       "Lines of log files that were cut at 64 KiB.", totals_.long_lines},
      {"gunicorn_exporter_logs_truncations_total",
       "Times that a log file was cut (copytruncate).", totals_.truncations},
  };
  for (const auto& counter : plain) {
    MetricFamily family =
        MakeFamily(counter.name, counter.help, MetricType::kCounter);
    AddSeries(family, nullptr, nullptr, static_cast<double>(counter.value));
    families.push_back(std::move(family));
  }

  MetricFamily errors = MakeFamily(
      "gunicorn_exporter_logs_read_errors_total",
      "Failures to open or to read a log file, by call.", MetricType::kCounter);
  AddSeries(errors, nullptr, MakeLabels({{"reason", "open"}}),
            static_cast<double>(totals_.open_errors));
  AddSeries(errors, nullptr, MakeLabels({{"reason", "read"}}),
            static_cast<double>(totals_.read_errors));
  families.push_back(std::move(errors));

  MetricFamily open_files = MakeFamily(
      "gunicorn_exporter_logs_open_files",
      "Log files that are open now, rotated ones that still may grow "
      "included.",
      MetricType::kGauge);
  AddSeries(open_files, nullptr, nullptr,
            static_cast<double>(totals_.open_files));
  families.push_back(std::move(open_files));
  return families;
}

}  // namespace gunicorn_exporter
