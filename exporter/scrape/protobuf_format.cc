#include "exporter/scrape/protobuf_format.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "config/base/utf8.h"
#include "exporter/scrape/exposition.h"
#include "exporter/scrape/metrics.pb.h"

namespace gunicorn_exporter {
namespace {

// A whole number that a double holds exactly.
bool IsWhole(double value) {
  constexpr double kLargest = 9007199254740992;  // 2^53
  return value >= 0 && value <= kLargest && std::trunc(value) == value;
}

std::uint64_t Rounded(double count) {
  constexpr double kLargest = 9e18;
  if (!(count > 0)) return 0;
  return static_cast<std::uint64_t>(std::round(std::min(count, kLargest)));
}

proto::MetricType TypeOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return proto::COUNTER;
    case MetricType::kGauge:
      return proto::GAUGE;
    case MetricType::kHistogram:
      return proto::HISTOGRAM;
    case MetricType::kSummary:
      return proto::SUMMARY;
    case MetricType::kUntyped:
      break;
  }
  return proto::UNTYPED;
}

void SetTime(double seconds, proto::Timestamp* timestamp) {
  constexpr double kNanos = 1e9;
  const double whole = std::floor(seconds);
  timestamp->set_seconds(static_cast<std::int64_t>(whole));
  timestamp->set_nanos(static_cast<std::int32_t>((seconds - whole) * kNanos));
}

void AddLabels(const LabelSetPtr& labels, proto::Metric* metric) {
  if (labels == nullptr) return;
  for (const Label& label : labels->labels()) {
    proto::LabelPair* const pair = metric->add_label();
    pair->set_name(label.name);
    pair->set_value(label.value);
  }
}

// Every count of a histogram is a whole one.
bool HasWholeCounts(const HistogramValue& histogram) {
  if (!IsWhole(histogram.count)) return false;
  for (const double count : histogram.cumulative) {
    if (!IsWhole(count)) return false;
  }
  if (histogram.native == nullptr) return true;
  if (!IsWhole(histogram.native->zero_count)) return false;
  for (const double count : histogram.native->counts) {
    if (!IsWhole(count)) return false;
  }
  return true;
}

void SetClassicBuckets(const HistogramValue& histogram, bool whole,
                       proto::Histogram* out) {
  const auto add = [&](double bound, double count) {
    proto::Bucket* const bucket = out->add_bucket();
    bucket->set_upper_bound(bound);
    bucket->set_cumulative_count(Rounded(count));
    if (!whole) bucket->set_cumulative_count_float(count);
  };
  const std::size_t bounds =
      histogram.bounds == nullptr ? 0 : histogram.bounds->size();
  for (std::size_t i = 0; i < bounds && i < histogram.cumulative.size(); ++i) {
    add((*histogram.bounds)[i], histogram.cumulative[i]);
  }
  add(std::numeric_limits<double>::infinity(), histogram.count);
}

// Runs of buckets that are not 0 become spans. A gap of one or two is cheaper
// filled with its zeros than made a new span.
void SetNativeBuckets(const NativeBuckets& native, bool whole,
                      proto::Histogram* out) {
  constexpr std::size_t kLongestFilledGap = 2;
  out->set_schema(native.schema);
  out->set_zero_threshold(native.zero_threshold);
  out->set_zero_count(Rounded(native.zero_count));
  if (!whole) out->set_zero_count_float(native.zero_count);

  proto::BucketSpan* span = nullptr;
  std::size_t span_end = 0;  // Index in counts behind the span.
  std::int64_t previous = 0;
  const auto put = [&](double count) {
    if (whole) {
      const auto now = static_cast<std::int64_t>(count);
      out->add_positive_delta(now - previous);
      previous = now;
    } else {
      out->add_positive_count(count);
    }
    span->set_length(span->length() + 1);
    ++span_end;
  };
  for (std::size_t i = 0; i < native.counts.size(); ++i) {
    if (!(native.counts[i] > 0)) continue;
    if (span == nullptr || i - span_end > kLongestFilledGap) {
      const auto gap = static_cast<std::int32_t>(i - span_end);
      const std::int32_t offset =
          span == nullptr ? native.first_index + gap : gap;
      span = out->add_positive_span();
      span->set_offset(offset);
      span_end = i;
    }
    while (span_end < i) put(0);
    put(native.counts[i]);
  }
  if (span == nullptr) {
    // Without this a reader takes it for a classic histogram while it has no
    // observation: an empty span says that it is native.
    proto::BucketSpan* const empty = out->add_positive_span();
    empty->set_offset(0);
    empty->set_length(0);
  }
}

void SetHistogram(const HistogramValue& histogram, proto::Histogram* out) {
  const bool whole = HasWholeCounts(histogram);
  out->set_sample_count(Rounded(histogram.count));
  if (!whole) out->set_sample_count_float(histogram.count);
  out->set_sample_sum(histogram.sum);
  SetClassicBuckets(histogram, whole, out);
  if (histogram.native != nullptr) {
    SetNativeBuckets(*histogram.native, whole, out);
  }
}

void SetSummary(const SummaryValue& summary, proto::Summary* out) {
  out->set_sample_count(Rounded(summary.count));
  out->set_sample_sum(summary.sum);
  for (const auto& [quantile, value] : summary.quantiles) {
    proto::Quantile* const added = out->add_quantile();
    added->set_quantile(quantile);
    added->set_value(value);
  }
}

void SetValue(MetricType type, const Series& series, proto::Metric* metric) {
  const bool created = series.created_seconds > 0;
  if (series.histogram != nullptr) {
    SetHistogram(*series.histogram, metric->mutable_histogram());
    if (created) {
      SetTime(series.created_seconds,
              metric->mutable_histogram()->mutable_created_timestamp());
    }
  } else if (series.summary != nullptr) {
    SetSummary(*series.summary, metric->mutable_summary());
    if (created) {
      SetTime(series.created_seconds,
              metric->mutable_summary()->mutable_created_timestamp());
    }
  } else if (type == MetricType::kCounter) {
    metric->mutable_counter()->set_value(series.value);
    if (created) {
      SetTime(series.created_seconds,
              metric->mutable_counter()->mutable_created_timestamp());
    }
  } else if (type == MetricType::kGauge) {
    metric->mutable_gauge()->set_value(series.value);
  } else {
    metric->mutable_untyped()->set_value(series.value);
  }
}

}  // namespace

std::string WriteProtobuf(const std::vector<MetricFamily>& families) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  proto::MetricFamily message;  // Its memory serves one family after another.
  for (const MetricFamily& family : families) {
    if (family.series.empty()) continue;
    message.Clear();
    message.set_name(family.name);
    message.set_help(ToValidUtf8(family.help));
    message.set_type(TypeOf(family.type));
    for (const Series* series : SortedSeries(family)) {
      proto::Metric* const metric = message.add_metric();
      AddLabels(series->common, metric);
      AddLabels(series->own, metric);
      SetValue(family.type, *series, metric);
    }
    coded.WriteVarint32(static_cast<std::uint32_t>(message.ByteSizeLong()));
    message.SerializeWithCachedSizes(&coded);
  }
  coded.Trim();
  return bytes;
}

}  // namespace gunicorn_exporter
