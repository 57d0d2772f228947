#include "collectors/series/scrape_families.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace gunicorn_exporter {
namespace {

constexpr std::array<const char*, kMessageLevels> kLevelNames = {
    "critical", "error", "warning", "exception"};

// Labels that all apps share, made once.
struct SharedLabels {
  std::array<LabelSetPtr, kStatusCodes> codes;
  std::array<LabelSetPtr, kMessageLevels> levels;
};

const SharedLabels& Shared() {
  static const SharedLabels shared = [] {
    SharedLabels made;
    for (std::size_t code = 100; code < kStatusCodes; ++code) {
      made.codes[code] = MakeLabels({{"code", std::to_string(code)}});
    }
    for (std::size_t level = 0; level < kMessageLevels; ++level) {
      made.levels[level] = MakeLabels({{"level", kLevelNames[level]}});
    }
    return made;
  }();
  return shared;
}

void AddPlain(MetricFamily& family, const LabelSetPtr& common,
              const LabelSetPtr& own, const PlainSeries& series) {
  if (!series.exists) return;
  AddSeries(family, common, own, series.value, series.created_seconds);
}

// No bucket may exceed `most`, the count of all: fractions that are added up in
// another order differ in their last digit.
template <typename Counts>
std::vector<double> Cumulate(const Counts& counts, double most) {
  std::vector<double> cumulative;
  cumulative.reserve(counts.size());
  double total = 0;
  for (const double count : counts) {
    total += count;
    cumulative.push_back(std::min(total, most));
  }
  return cumulative;
}

std::unique_ptr<const NativeBuckets> MakeNative(const Sketch& sketch) {
  auto native = std::make_unique<NativeBuckets>();
  native->schema = sketch.schema();
  native->zero_threshold = kZeroThreshold;
  native->zero_count = sketch.zero_count();
  native->first_index = sketch.buckets().first_index();
  native->counts = sketch.buckets().counts();
  return native;
}

}  // namespace

ScrapeFamilies::ScrapeFamilies(const SeriesOptions& options)
    : options_(options),
      requests_{"gunicorn_requests_total",
                "Requests answered (gunicorn.requests).",
                MetricType::kCounter,
                {}},
      statuses_{"gunicorn_request_status_total",
                "Requests answered, by HTTP status "
                "(gunicorn.request.status.NNN).",
                MetricType::kCounter,
                {}},
      durations_{"gunicorn_request_duration_seconds",
                 "Time to answer a request (gunicorn.request.duration).",
                 MetricType::kHistogram,
                 {}},
      window_{"gunicorn_request_duration_window_seconds",
              "Time to answer a request: quantiles over "
              "statsd.quantile_window, sum and count since the start "
              "(gunicorn.request.duration).",
              MetricType::kSummary,
              {}},
      messages_{"gunicorn_log_messages_total",
                "Messages that gunicorn logged, by level "
                "(gunicorn.log.LEVEL).",
                MetricType::kCounter,
                {}},
      workers_{"gunicorn_arbiter_workers",
               "Workers that the arbiter manages, as it last told "
               "(gunicorn.workers).",
               MetricType::kGauge,
               {}},
      backlog_{"gunicorn_backlog_connections",
               "Connections waiting to be accepted, as gunicorn observed "
               "them (gunicorn.backlog, gunicorn.socket.backlog).",
               MetricType::kHistogram,
               {}},
      series_{"gunicorn_exporter_statsd_series",
              "Series that count against statsd.max_series.",
              MetricType::kGauge,
              {}},
      refused_{"gunicorn_exporter_statsd_refused_series_total",
               "Lines refused because their series would be one too many "
               "(statsd.max_series), zeros that found no room, and series that "
               "had to make room for a known app's.",
               MetricType::kCounter,
               {}},
      last_packet_{"gunicorn_exporter_statsd_last_packet_timestamp_seconds",
                   "When the last StatsD line of an app was accepted.",
                   MetricType::kGauge,
                   {}} {}

void ScrapeFamilies::Add(const AppSeries& app, std::chrono::milliseconds now) {
  const SharedLabels& shared = Shared();
  AddPlain(requests_, app.labels, nullptr, app.requests);
  for (const StatusSeries& status : app.statuses) {
    AddPlain(statuses_, app.labels, shared.codes[status.code], status.series);
  }
  for (std::size_t level = 0; level < kMessageLevels; ++level) {
    AddPlain(messages_, app.labels, shared.levels[level], app.messages[level]);
  }
  AddPlain(workers_, app.labels, nullptr, app.arbiter_workers);
  if (app.durations) AddDurations(app, now);
  if (app.backlog) AddBacklog(app);
  if (app.base != nullptr || app.last_packet_seconds == 0) return;
  double& last = last_packets_[app.key.app.name];
  last = std::max(last, app.last_packet_seconds);
}

void ScrapeFamilies::AddDurations(const AppSeries& app,
                                  std::chrono::milliseconds now) {
  const Sketch& sketch = app.durations->sketch;
  auto histogram = std::make_unique<HistogramValue>();
  histogram->bounds = sketch.bounds();
  histogram->cumulative = Cumulate(sketch.classic(), sketch.count());
  histogram->count = sketch.count();
  histogram->sum = sketch.sum();
  histogram->native = MakeNative(sketch);
  AddSeries(durations_, app.labels, nullptr, 0, app.durations->created_seconds);
  durations_.series.back().histogram = std::move(histogram);

  auto summary = std::make_unique<SummaryValue>();
  const std::vector<double> values = sketch.Quantiles(options_.quantiles, now);
  for (std::size_t i = 0; i < values.size(); ++i) {
    summary->quantiles.emplace_back(options_.quantiles[i], values[i]);
  }
  summary->count = sketch.count();
  summary->sum = sketch.sum();
  AddSeries(window_, app.labels, nullptr, 0, app.durations->created_seconds);
  window_.series.back().summary = std::move(summary);
}

void ScrapeFamilies::AddBacklog(const AppSeries& app) {
  auto histogram = std::make_unique<HistogramValue>();
  histogram->bounds = BacklogBounds();
  histogram->cumulative = Cumulate(app.backlog->buckets, app.backlog->count);
  histogram->count = app.backlog->count;
  histogram->sum = app.backlog->sum;
  AddSeries(backlog_, app.labels, nullptr, 0, app.backlog->created_seconds);
  backlog_.series.back().histogram = std::move(histogram);
}

void ScrapeFamilies::AddTotals(std::size_t series, std::uint64_t refused) {
  AddSeries(series_, nullptr, nullptr, static_cast<double>(series));
  AddSeries(refused_, nullptr, nullptr, static_cast<double>(refused));
}

std::vector<MetricFamily> ScrapeFamilies::Take() {
  for (const auto& [app, seconds] : last_packets_) {
    AddSeries(last_packet_, nullptr, MakeLabels({{"app", app}}), seconds);
  }
  std::vector<MetricFamily> families;
  for (MetricFamily* const family :
       {&requests_, &statuses_, &durations_, &window_, &messages_, &workers_,
        &backlog_, &series_, &refused_, &last_packet_}) {
    if (!family->series.empty()) families.push_back(std::move(*family));
  }
  return families;
}

}  // namespace gunicorn_exporter
