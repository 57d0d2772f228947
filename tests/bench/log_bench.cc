// How many log lines a second the log collector reads, parses and counts, as a
// ratio to `grep -c` on the same file. Both run in turn, on one processor when
// started under taskset; the median of the rounds counts.
//
//     taskset -c 0 build/dev/tests/bench/log_bench [lines] [rounds]
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "collectors/logs/log_counts.h"
#include "collectors/logs/log_reader.h"
#include "collectors/series/event_sink.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

using Clock = std::chrono::steady_clock;

class CountingSink : public EventSink {
 public:
  bool AddFromLog(const AppId& /*app*/,
                  std::span<const Event> events) override {
    if (!events.empty()) ++lines;
    return true;
  }
  std::size_t lines = 0;
};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Reads the whole file as a log that appeared later. Seconds, or less than 0
// where lines are missing.
double ReadAll(const std::string& folder, std::size_t lines) {
  LogCounts counts;
  CountingSink sink;
  LogReader reader(counts, sink, nullptr);
  Config config;
  LogSourceConfig source;
  source.path = folder + "/now.log";
  source.service = "bench";
  config.logs = {source};
  reader.Configure(config);
  reader.Scan(Clock::now());
  std::filesystem::create_hard_link(folder + "/access.log", source.path);
  const Clock::time_point start = Clock::now();
  reader.Scan(start);
  while (reader.Read(Clock::now())) {
  }
  const double seconds = SecondsSince(start);
  std::filesystem::remove(source.path);
  return sink.lines == lines ? seconds : -1;
}

int Run(std::size_t lines, int rounds) {
  const TempDir dir;
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) {
    text += "10.0.0." + std::to_string(i % 250) +
            " - - [22/Nov/2026:05:33:19 +0000] \"GET /items/" +
            std::to_string(i) +
            " HTTP/1.1\" 200 1234 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\" " +
            std::to_string(1000 + i % 9000) + "\n";
  }
  WriteFile(dir / "access.log", text);
  const std::string folder =
      std::filesystem::path(dir / "access.log").parent_path();
  const std::string grep =
      "grep -c 'HTTP/1.1\" 200' " + (dir / "access.log") + " >/dev/null";

  std::vector<double> ours, greps;
  for (int i = 0; i < rounds; ++i) {
    const double seconds = ReadAll(folder, lines);
    if (seconds < 0) {
      std::fprintf(stderr, "log_bench: not every line was counted\n");
      return 1;
    }
    ours.push_back(seconds);
    const Clock::time_point start = Clock::now();
    if (std::system(grep.c_str()) != 0) return 1;
    greps.push_back(SecondsSince(start));
  }
  const auto count = static_cast<double>(lines);
  std::printf("lines %.0f bytes %zu\n", count, text.size());
  std::printf("log collector  %10.0f lines/s\n", count / Median(ours));
  std::printf("grep -c        %10.0f lines/s\n", count / Median(greps));
  std::printf("ratio          %10.3f\n", Median(greps) / Median(ours));
  return 0;
}

}  // namespace
}  // namespace gunicorn_exporter

int main(int argc, char** argv) {
  const long lines = argc > 1 ? std::atol(argv[1]) : 1'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  if (lines <= 0 || rounds <= 0) return 1;
  return gunicorn_exporter::Run(static_cast<std::size_t>(lines), rounds);
}
