// What the history costs: a point of it, every five seconds, with all that is
// asked for it, and the answer with all points.
//
//     taskset -c 1 build/dev/tests/bench/history_bench [APPS]    (100)
//
// Prints medians of CPU time.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/process/process_collector.h"
#include "collectors/series/metric_store.h"
#include "exporter/status/history.h"
#include "exporter/status/status_view.h"

namespace gunicorn_exporter {
namespace {

constexpr int kRequests = 1000;  // Of each app.

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

ProcessView MakeView(int apps) {
  ProcessView view;
  view.config = std::make_shared<const Config>();
  view.readable = true;
  for (int i = 0; i < apps; ++i) {
    AppView& app = view.apps.emplace_back();
    app.status.app.name = "app_" + std::to_string(i);
    app.status.ok = true;
    app.status.masters = 1;
    app.status.idle = 8;
    app.requests_lost = 0;
    app.connections = 8;
    app.requests_in_progress = 8;
    app.oldest_request_seconds = 0.5;
    app.listen_queues.push_back({"127.0.0.1:8000", 3, 2048});
    for (RoleView& role : app.roles) role.seen = true;
  }
  return view;
}

void Fill(MetricStore& store, const ProcessView& view) {
  std::vector<AppId> apps;
  for (const AppView& app : view.apps) apps.push_back(app.status.app);
  store.SetKnownApps(apps);
  for (const AppId& app : apps) {
    SeriesRef ref{{app, {}}};
    for (int i = 0; i < kRequests; ++i) {
      Event request;
      Event status;
      status.kind = EventKind::kStatus;
      status.code = 200;
      Event duration;
      duration.kind = EventKind::kDuration;
      duration.value = 0.001 * (i + 1);
      StoreOp ops[] = {{&ref, request}, {&ref, status}, {&ref, duration}};
      store.Add(ops);
    }
  }
}

void RunBench(int apps) {
  const ProcessView view = MakeView(apps);
  MetricStore store({}, SystemTime);
  Fill(store, view);
  History history(std::chrono::milliseconds(0));
  KnownApps known;
  for (const AppView& app : view.apps) known.apps.push_back(app.status);
  std::vector<double> points;
  for (std::size_t i = 1; i <= History::kPoints; ++i) {
    const double begin = CpuSeconds();
    auto families = store.Collect({}).families;
    auto more = ToFamilies(view, 100);
    std::move(more.begin(), more.end(), std::back_inserter(families));
    history.Add(i * History::kInterval, ViewApps(families, known));
    points.push_back(CpuSeconds() - begin);
  }
  std::vector<double> answers;
  std::size_t bytes = 0;
  for (int i = 0; i < 11; ++i) {
    const double begin = CpuSeconds();
    bytes = history.Json(-1, {History::kPoints * History::kInterval, 0}).size();
    answers.push_back(CpuSeconds() - begin);
  }
  const double point = Median(points);
  std::printf("%d apps: a point costs %.2f ms, %.3f %% of its five seconds\n",
              apps, point * 1e3, point / 5 * 100);
  std::printf("the answer with all points: %.1f ms, %.0f KB\n",
              Median(answers) * 1e3, static_cast<double>(bytes) / 1e3);
}

}  // namespace
}  // namespace gunicorn_exporter

int main(int argc, char** argv) {
  gunicorn_exporter::RunBench(argc > 1 ? std::atoi(argv[1]) : 100);
}
