// What a scrape's text costs, beside prometheus-cpp's TextSerializer on the
// same series:
//
//     taskset -c 1 build/dev/tests/bench/exposition_bench [APPS]    (1000)
//
// Prints the medians of CPU time and their ratio; a run interleaves all of
// them, so that noise meets each alike, and measures a second call in a row, as
// a server renders the same thing again and again.
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/metric_family.h"
#include "exporter/scrape/content_negotiation.h"
#include "exporter/scrape/exposition.h"

namespace gunicorn_exporter {
namespace {

constexpr int kRuns = 31;

const std::vector<double> kBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                     0.5,   1,    2.5,   5,    10};

MetricFamily Family(const char* name, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = "A family of the benchmark.";
  family.type = type;
  return family;
}

// For each app a histogram of 14 lines, a counter, two gauges and four levels.
std::vector<MetricFamily> MakeFamilies(int apps) {
  const auto bounds = std::make_shared<const std::vector<double>>(kBounds);
  const LabelSetPtr idle = MakeLabels({{"state", "idle"}});
  const LabelSetPtr working = MakeLabels({{"state", "working"}});
  std::vector<LabelSetPtr> levels;
  for (const char* level : {"critical", "error", "exception", "warning"}) {
    levels.push_back(MakeLabels({{"level", level}}));
  }
  MetricFamily durations =
      Family("gunicorn_request_duration_seconds", MetricType::kHistogram);
  MetricFamily messages =
      Family("gunicorn_log_messages_total", MetricType::kCounter);
  MetricFamily requests =
      Family("gunicorn_requests_total", MetricType::kCounter);
  MetricFamily workers = Family("gunicorn_workers", MetricType::kGauge);
  for (int i = 0; i < apps; ++i) {
    const LabelSetPtr app =
        MakeLabels({{"app", "application_" + std::to_string(100000 + i)},
                    {"env", "production"}});
    auto histogram = std::make_unique<HistogramValue>();
    histogram->bounds = bounds;
    double count = 0;
    for (std::size_t b = 0; b < bounds->size(); ++b) {
      count += static_cast<double>((i * 31 + static_cast<int>(b) * 17) % 5000);
      histogram->cumulative.push_back(count);
    }
    histogram->count = count + 3;
    histogram->sum = count * 0.0123456789 + i;
    Series series;
    series.common = app;
    series.histogram = std::move(histogram);
    durations.series.push_back(std::move(series));
    for (const LabelSetPtr& level : levels) {
      AddSeries(messages, app, level, i % 7);
    }
    AddSeries(requests, app, nullptr, count + 3);
    AddSeries(workers, app, idle, 3);
    AddSeries(workers, app, working, 1);
  }
  std::vector<MetricFamily> families;
  families.push_back(std::move(messages));
  families.push_back(std::move(durations));
  families.push_back(std::move(requests));
  families.push_back(std::move(workers));
  return families;
}

prometheus::MetricType ToPrometheus(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      return prometheus::MetricType::Histogram;
    case MetricType::kSummary:
      return prometheus::MetricType::Summary;
    case MetricType::kUntyped:
      break;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric ToPrometheus(const Series& series) {
  prometheus::ClientMetric metric;
  for (const LabelSetPtr& labels : {series.common, series.own}) {
    if (labels == nullptr) continue;
    for (const Label& label : labels->labels()) {
      metric.label.push_back({label.name, label.value});
    }
  }
  metric.counter.value = series.value;
  metric.gauge.value = series.value;
  if (series.histogram != nullptr) {
    const HistogramValue& histogram = *series.histogram;
    metric.histogram.sample_count = static_cast<std::uint64_t>(histogram.count);
    metric.histogram.sample_sum = histogram.sum;
    for (std::size_t i = 0; i < histogram.cumulative.size(); ++i) {
      prometheus::ClientMetric::Bucket bucket;
      bucket.upper_bound = (*histogram.bounds)[i];
      bucket.cumulative_count =
          static_cast<std::uint64_t>(histogram.cumulative[i]);
      metric.histogram.bucket.push_back(bucket);
    }
  }
  return metric;
}

std::vector<prometheus::MetricFamily> ToPrometheus(
    const std::vector<MetricFamily>& families) {
  std::vector<prometheus::MetricFamily> converted;
  for (const MetricFamily& family : families) {
    prometheus::MetricFamily& to = converted.emplace_back();
    to.name = family.name;
    to.help = family.help;
    to.type = ToPrometheus(family.type);
    for (const Series& series : family.series) {
      to.metric.push_back(ToPrometheus(series));
    }
  }
  return converted;
}

double CpuMs() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 +
         static_cast<double>(time.tv_nsec) / 1e6;
}

struct Subject {
  const char* name;
  std::function<std::string()> run;
  std::vector<double> times_ms = {};
  std::size_t bytes = 0;

  double Median() {
    std::sort(times_ms.begin(), times_ms.end());
    return times_ms[times_ms.size() / 2];
  }
};

int Run(int apps) {
  const std::vector<MetricFamily> families = MakeFamilies(apps);
  const std::vector<prometheus::MetricFamily> theirs = ToPrometheus(families);
  const std::string text = Expose(families, ExpositionFormat::kText);
  Subject subjects[] = {
      {"prometheus-cpp TextSerializer",
       [&] { return prometheus::TextSerializer().Serialize(theirs); }},
      {"text 0.0.4", [&] { return Expose(families, ExpositionFormat::kText); }},
      {"OpenMetrics",
       [&] { return Expose(families, ExpositionFormat::kOpenMetrics); }},
      {"protobuf",
       [&] { return Expose(families, ExpositionFormat::kProtobuf); }},
      {"gzip of the text", [&] { return Gzip(text); }},
      {"families made anew", [&] { return MakeFamilies(apps)[0].name; }},
  };
  for (int i = 0; i < kRuns; ++i) {
    for (Subject& subject : subjects) {
      // Twice: the allocator as the run before left it is not the subject's.
      subject.run();
      const double begin = CpuMs();
      subject.bytes = subject.run().size();
      subject.times_ms.push_back(CpuMs() - begin);
    }
  }
  std::printf("%d apps\n", apps);
  const double baseline_ms = subjects[0].Median();
  for (Subject& subject : subjects) {
    const double median_ms = subject.Median();
    std::printf("%-30s %9zu bytes %9.3f ms %7.1f x\n", subject.name,
                subject.bytes, median_ms, baseline_ms / median_ms);
  }
  return 0;
}

}  // namespace
}  // namespace gunicorn_exporter

int main(int argc, char** argv) {
  return gunicorn_exporter::Run(argc > 1 ? std::atoi(argv[1]) : 1000);
}
