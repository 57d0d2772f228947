#include "exporter/scrape/own_process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

namespace gunicorn_exporter {
namespace {

void AddFamily(std::vector<MetricFamily>& families, std::string name,
               std::string help, MetricType type, double value) {
  MetricFamily family{std::move(name), std::move(help), type, {}};
  AddSeries(family, nullptr, nullptr, value);
  families.push_back(std::move(family));
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) / 1e6;
}

void AddMemory(std::vector<MetricFamily>& families) {
  // "2345 1234 ...": total and resident pages, proc(5) statm.
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) return;
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  AddFamily(families, "process_virtual_memory_bytes",
            "Virtual memory size in bytes.", MetricType::kGauge,
            total_pages * page_bytes);
  AddFamily(families, "process_resident_memory_bytes",
            "Resident memory size in bytes.", MetricType::kGauge,
            resident_pages * page_bytes);
}

void AddFileDescriptors(std::vector<MetricFamily>& families) {
  std::error_code error;
  const std::filesystem::directory_iterator open_fds("/proc/self/fd", error);
  if (!error) {
    // One of them is the listing's own.
    AddFamily(
        families, "process_open_fds", "Number of open file descriptors.",
        MetricType::kGauge,
        static_cast<double>(std::distance(begin(open_fds), end(open_fds)) - 1));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    AddFamily(families, "process_max_fds",
              "Maximum number of open file descriptors.", MetricType::kGauge,
              static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace

std::vector<MetricFamily> OwnProcessFamilies(double start_seconds) {
  std::vector<MetricFamily> families;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    AddFamily(families, "process_cpu_seconds_total",
              "Total user and system CPU time spent in seconds.",
              MetricType::kCounter,
              Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
  AddMemory(families);
  AddFileDescriptors(families);
  AddFamily(families, "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            MetricType::kGauge, start_seconds);
  return families;
}

}  // namespace gunicorn_exporter
