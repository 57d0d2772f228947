// What a scrape is made of: families of series, between the collectors that
// fill them and the exposition that writes them as text, OpenMetrics or
// protobuf.
//
// prometheus-cpp's MetricFamily has neither native histograms nor shared
// labels; with 1000 apps its strings alone cost more than the rest of a scrape.
// Here the labels of an app are escaped once and shared by all of its series.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gunicorn_exporter {

struct Label {
  std::string name;
  std::string value;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const Label&) const = default;
};

// An immutable list of labels, in the order in which it is written. Names are
// valid label names, as given; values are made valid UTF-8 here (U+FFFD for
// what is not).
class LabelSet {
 public:
  explicit LabelSet(std::vector<Label> labels);

  const std::vector<Label>& labels() const { return labels_; }
  // `app="my_app",env="prod"`: escaped as text 0.0.4 and OpenMetrics both want
  // it.
  const std::string& text() const { return text_; }

 private:
  std::vector<Label> labels_;
  std::string text_;
};

using LabelSetPtr = std::shared_ptr<const LabelSet>;

// Short for std::make_shared<const LabelSet>.
LabelSetPtr MakeLabels(std::vector<Label> labels);

enum class MetricType { kCounter, kGauge, kHistogram, kSummary, kUntyped };

// Exponential buckets of Prometheus' native histograms: bucket i counts values
// in (base^(i-1), base^i], base = 2^(2^-schema). Source:
// io.prometheus.client.Histogram.
struct NativeBuckets {
  int schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  int first_index = 0;         // Of counts[0].
  std::vector<double> counts;  // Not cumulative; zeros are allowed between.
};

struct HistogramValue {
  // Upper bounds, ascending, without +Inf; shared by all series of a family.
  std::shared_ptr<const std::vector<double>> bounds;
  std::vector<double>
      cumulative;    // One for each bound; the +Inf bucket is `count`.
  double count = 0;  // Not always whole: a sampled line weighs 1/rate.
  double sum = 0;
  std::unique_ptr<const NativeBuckets>
      native;  // Null: a classic histogram only.
};

struct SummaryValue {
  // (quantile, value); NaN where the window is empty.
  std::vector<std::pair<double, double>> quantiles;
  double count = 0;
  double sum = 0;
};

// One series. A family of counters, gauges or untyped uses `value`; histograms
// and summaries use their pointer.
struct Series {
  LabelSetPtr common;  // The app's labels. Null: none.
  LabelSetPtr
      own;  // The series' own: code="200". Null: none. Written after `common`.
  double value = 0;
  // When the count began, Unix seconds; 0: not known. Of counters, histograms
  // and summaries.
  double created_seconds = 0;
  std::unique_ptr<const HistogramValue> histogram;
  std::unique_ptr<const SummaryValue> summary;
};

// Series of one name. A counter's name ends in _total, or keeps_name.
struct MetricFamily {
  std::string name;
  std::string help;  // Unescaped, one line, without the name.
  MetricType type = MetricType::kUntyped;
  std::vector<Series> series;
  // Of a counter: written as of unknown type in OpenMetrics, where a counter's
  // name is another one than in the other formats unless it ends in _total.
  bool keeps_name = false;
};

// Appends a series with a plain value.
void AddSeries(MetricFamily& family, LabelSetPtr common, LabelSetPtr own,
               double value, double created_seconds = 0);

}  // namespace gunicorn_exporter
