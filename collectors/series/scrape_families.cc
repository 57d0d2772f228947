#include "collectors/series/scrape_families.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

namespace gunicorn_exporter {
namespace {

constexpr std::array<const char*, kMessageLevels> kLevelNames = {
    "critical", "error", "warning", "exception"};

// What statsd_exporter gives a timer without a mapping.
const std::vector<double>& ForeignQuantiles() {
  static const std::vector<double> quantiles = {0.5, 0.9, 0.99};
  return quantiles;
}

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

MetricFamily Family(const char* name, MetricType type, const char* help) {
  return {name, help, type, {}};
}

void AddPlain(MetricFamily& family, const LabelSetPtr& common,
              const LabelSetPtr& own, const PlainSeries& series) {
  if (!series.exists) return;
  AddSeries(family, common, own, series.value, series.created_seconds);
}

// No bucket may exceed `most`, the count of all: fractions that are added up in
// another order differ in their last digit.
std::vector<double> Cumulate(const std::vector<double>& counts, double most) {
  std::vector<double> cumulative;
  cumulative.reserve(counts.size());
  double total = 0;
  for (const double count : counts) {
    total += count;
    cumulative.push_back(std::min(total, most));
  }
  return cumulative;
}

// A classic one.
std::unique_ptr<HistogramValue> MakeHistogram(const Sketch& sketch) {
  auto histogram = std::make_unique<HistogramValue>();
  histogram->bounds = sketch.bounds();
  histogram->cumulative = Cumulate(sketch.classic(), sketch.count());
  histogram->count = sketch.count();
  histogram->sum = sketch.sum();
  return histogram;
}

std::unique_ptr<const NativeBuckets> MakeNative(const Sketch& sketch) {
  auto native = std::make_unique<NativeBuckets>();
  native->schema = sketch.schema();
  native->zero_threshold = sketch.zero_threshold();
  native->zero_count = sketch.zero_count();
  native->first_index = sketch.buckets().first_index();
  native->counts = sketch.buckets().counts();
  return native;
}

constexpr std::string_view kTagPrefix = "tag_";

// The name without what MakeForeignLabels may have put before it, and how often
// that is there: "env" and 1 of "tag_env".
std::pair<std::string_view, std::size_t> WithoutTagPrefixes(
    std::string_view name) {
  std::size_t count = 0;
  for (; name.starts_with(kTagPrefix); ++count) {
    name.remove_prefix(kTagPrefix.size());
  }
  return {name, count};
}

// A tag called as a label that the series has anyway, `env`, becomes tag_env,
// and one called tag_env then tag_tag_env: no two become one. Null: no tags.
LabelSetPtr MakeForeignLabels(std::vector<Label> tags, const LabelSet& common) {
  if (tags.empty()) return nullptr;
  for (Label& tag : tags) {
    std::size_t prefixes = 0;
    const auto keep_off = [&](std::string_view taken) {
      const auto [name, count] = WithoutTagPrefixes(taken);
      if (WithoutTagPrefixes(tag.name).first != name) return;
      prefixes = std::max(prefixes, count + 1);
    };
    keep_off("quantile");
    for (const Label& label : common.labels()) keep_off(label.name);
    for (; prefixes > 0; --prefixes) tag.name.insert(0, kTagPrefix);
  }
  return MakeLabels(std::move(tags));
}

}  // namespace

ScrapeFamilies::ScrapeFamilies(std::shared_ptr<const SeriesOptions> options,
                               std::size_t label_sets,
                               std::chrono::milliseconds now)
    : options_(std::move(options)),
      now_(now),
      requests_(Family("gunicorn_requests_total", MetricType::kCounter,
                       "Requests answered (gunicorn.requests).")),
      statuses_(Family("gunicorn_request_status_total", MetricType::kCounter,
                       "Requests answered, by HTTP status "
                       "(gunicorn.request.status.NNN).")),
      durations_(
          Family("gunicorn_request_duration_seconds", MetricType::kHistogram,
                 "Time to answer a request (gunicorn.request.duration).")),
      window_(Family("gunicorn_request_duration_window_seconds",
                     MetricType::kSummary,
                     "Time to answer a request: quantiles over "
                     "statsd.quantile_window, sum and count since the start "
                     "(gunicorn.request.duration).")),
      messages_(Family("gunicorn_log_messages_total", MetricType::kCounter,
                       "Messages that gunicorn logged, by level "
                       "(gunicorn.log.LEVEL).")),
      workers_(Family("gunicorn_arbiter_workers", MetricType::kGauge,
                      "Workers that the arbiter manages, as it last told "
                      "(gunicorn.workers).")),
      backlog_(
          Family("gunicorn_backlog_connections", MetricType::kHistogram,
                 "Connections waiting to be accepted, as gunicorn observed "
                 "them (gunicorn.backlog, gunicorn.socket.backlog).")),
      series_(Family("gunicorn_exporter_statsd_series", MetricType::kGauge,
                     "Series that count against statsd.max_series.")),
      refused_(Family(
          "gunicorn_exporter_statsd_refused_series_total", MetricType::kCounter,
          "Lines that found no series, by reason: limit "
          "(statsd.max_series; also zeros without room, and series that "
          "made room for a known app's), conflict (with another's name or "
          "type), reserved_name (of Prometheus' own).")),
      last_packet_(
          Family("gunicorn_exporter_statsd_last_packet_timestamp_seconds",
                 MetricType::kGauge,
                 "When the last StatsD line of an app was accepted.")) {
  for (MetricFamily* const family :
       {&requests_, &durations_, &window_, &workers_}) {
    family->series.reserve(label_sets);
  }
  statuses_.series.reserve(label_sets * options_->preset_codes.size());
  messages_.series.reserve(label_sets * kMessageLevels);
}

void ScrapeFamilies::Add(const std::string& app_name, const AppSeries& series) {
  const SharedLabels& shared = Shared();
  AddPlain(requests_, series.labels, nullptr, series.requests);
  for (const StatusSeries& status : series.statuses) {
    AddPlain(statuses_, series.labels, shared.codes[status.code],
             status.series);
  }
  for (std::size_t level = 0; level < kMessageLevels; ++level) {
    AddPlain(messages_, series.labels, shared.levels[level],
             series.messages[level]);
  }
  AddPlain(workers_, series.labels, nullptr, series.arbiter_workers);
  if (series.durations) AddDurations(series);
  if (series.backlog) {
    AddSeries(backlog_, series.labels, nullptr, 0,
              series.backlog->created_seconds);
    backlog_.series.back().histogram = MakeHistogram(series.backlog->sketch);
  }
  if (series.base != nullptr || series.last_packet_seconds == 0) return;
  double& last = last_packets_[app_name];
  last = std::max(last, series.last_packet_seconds);
}

std::unique_ptr<const SummaryValue> ScrapeFamilies::Summary(
    const Sketch& sketch, const std::vector<double>& quantiles) const {
  auto summary = std::make_unique<SummaryValue>();
  const std::vector<double> values = sketch.Quantiles(quantiles, now_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    summary->quantiles.emplace_back(quantiles[i], values[i]);
  }
  summary->count = sketch.count();
  summary->sum = sketch.sum();
  return summary;
}

void ScrapeFamilies::AddDurations(const AppSeries& series) {
  const Sketch& sketch = series.durations->sketch;
  const double created = series.durations->created_seconds;
  auto histogram = MakeHistogram(sketch);
  histogram->native = MakeNative(sketch);
  AddSeries(durations_, series.labels, nullptr, 0, created);
  durations_.series.back().histogram = std::move(histogram);
  AddSeries(window_, series.labels, nullptr, 0, created);
  window_.series.back().summary = Summary(sketch, options_->quantiles);
}

void ScrapeFamilies::AddForeign(const ForeignKey& key,
                                const ForeignSeries& series,
                                const LabelSetPtr& labels) {
  MetricFamily& family = foreign_[key.name];
  // The name has become another type's during this scrape.
  if (!family.series.empty() && family.type != series.type) return;
  family.name = key.name;
  family.help = "Made of StatsD lines that are not gunicorn's.";
  family.type = series.type;
  family.keeps_name = series.type == MetricType::kCounter;
  AddPlain(family, labels, MakeForeignLabels(key.tags, *labels), series.plain);
  if (series.sketch == nullptr) return;
  family.series.back().summary = Summary(*series.sketch, ForeignQuantiles());
}

void ScrapeFamilies::AddTotals(
    std::size_t series, const std::array<std::uint64_t, kRefusals>& refused) {
  AddSeries(series_, nullptr, nullptr, static_cast<double>(series));
  for (std::size_t i = 1; i < kRefusals; ++i) {  // Of kNone there is none.
    const std::string reason(RefusalName(static_cast<Refusal>(i)));
    AddSeries(refused_, nullptr, MakeLabels({{"reason", reason}}),
              static_cast<double>(refused[i]));
  }
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
  for (auto& [name, family] : foreign_) families.push_back(std::move(family));
  return families;
}

}  // namespace gunicorn_exporter
