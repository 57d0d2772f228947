#include "exporter/scrape/text_format.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/base/utf8.h"
#include "exporter/scrape/byte_writer.h"
#include "exporter/scrape/exposition.h"

namespace gunicorn_exporter {
namespace {

enum class Dialect { kText, kOpenMetrics };

// The longest shortest double has 24 characters: -2.2250738585072014e-308.
constexpr std::size_t kMaxNumberBytes = 32;

// A bound for the bytes of a sample line beside its name and labels: braces,
// commas, spaces, the value and the newline.
constexpr std::size_t kMaxRestBytes = kMaxNumberBytes + 8;

// For the guess of the whole text's size: a line beside its name and labels,
// without and with a bucket's suffix and bound.
constexpr std::size_t kExpectedRestBytes = 16;
constexpr std::size_t kExpectedBucketRestBytes = 36;

char* PutNumber(char* place, double value) {
  // Whole numbers are most of all, and an integer is written five times faster.
  constexpr double kWhole = 1e15;
  if (value > -kWhole && value < kWhole) {
    const auto whole = static_cast<std::int64_t>(value);
    if (static_cast<double>(whole) == value) {
      return std::to_chars(place, place + kMaxNumberBytes, whole).ptr;
    }
  }
  if (std::isnan(value)) return Put(place, "NaN");
  if (std::isinf(value)) return Put(place, value > 0 ? "+Inf" : "-Inf");
  return std::to_chars(place, place + kMaxNumberBytes, value).ptr;
}

// The value of `le` and `quantile`: Go writes them so, and OpenMetrics wants a
// number that looks like a float.
std::string BoundText(double bound, Dialect dialect) {
  char buffer[kMaxNumberBytes];
  std::string text(buffer, PutNumber(buffer, bound));
  const bool looks_whole =
      text.find_first_not_of("-0123456789") == std::string::npos;
  if (dialect == Dialect::kOpenMetrics && looks_whole) text += ".0";
  return text;
}

std::string_view TypeName(MetricType type, Dialect dialect) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kSummary:
      return "summary";
    case MetricType::kUntyped:
      break;
  }
  return dialect == Dialect::kOpenMetrics ? "unknown" : "untyped";
}

std::string EscapeHelp(std::string_view help, Dialect dialect) {
  std::string escaped;
  for (const char c : ToValidUtf8(help)) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '"' && dialect == Dialect::kOpenMetrics) {
      escaped += "\\\"";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// Writes one family after the other; keeps what the series of one share.
class TextWriter {
 public:
  TextWriter(Dialect dialect, std::size_t expected_bytes)
      : dialect_(dialect), out_(expected_bytes) {}

  void Write(const MetricFamily& family);
  std::string Take() && {
    if (dialect_ == Dialect::kOpenMetrics) out_.Append("# EOF\n");
    return std::move(out_).Take();
  }

 private:
  void WriteHead(const MetricFamily& family);
  void WriteHistogram(const Series& series);
  void WriteSummary(const Series& series);
  void WriteLine(std::string_view name, const Series& series,
                 std::string_view last_label, double value);
  void SetBounds(const std::shared_ptr<const std::vector<double>>& bounds);
  // A count as the dialect may have it.
  double Count(double count) const {
    return dialect_ == Dialect::kOpenMetrics ? std::round(count) : count;
  }

  const Dialect dialect_;
  ByteWriter out_;

  // Of the family in hand.
  std::string bucket_name_, sum_name_, count_name_;
  std::shared_ptr<const std::vector<double>> bounds_;
  std::vector<std::string> le_labels_;  // le="0.005", one for each bound.
};

constexpr std::string_view kTotal = "_total";

void TextWriter::WriteHead(const MetricFamily& family) {
  std::string_view name = family.name;
  MetricType type = family.type;
  if (dialect_ == Dialect::kOpenMetrics && type == MetricType::kCounter) {
    if (family.keeps_name) {
      type = MetricType::kUntyped;
    } else if (name.ends_with(kTotal)) {
      name.remove_suffix(kTotal.size());
    }
  }
  for (const std::string_view part :
       {std::string_view("# HELP "), name, std::string_view(" ")}) {
    out_.Append(part);
  }
  out_.Append(EscapeHelp(family.help, dialect_));
  for (const std::string_view part :
       {std::string_view("\n# TYPE "), name, std::string_view(" "),
        TypeName(type, dialect_), std::string_view("\n")}) {
    out_.Append(part);
  }
}

// name{common,own,last} value
void TextWriter::WriteLine(std::string_view name, const Series& series,
                           std::string_view last_label, double value) {
  const std::string_view common =
      series.common == nullptr ? std::string_view() : series.common->text();
  const std::string_view own =
      series.own == nullptr ? std::string_view() : series.own->text();
  char* place = out_.Reserve(name.size() + common.size() + own.size() +
                             last_label.size() + kMaxRestBytes);
  place = Put(place, name);
  char separator = '{';
  for (const std::string_view labels : {common, own, last_label}) {
    if (labels.empty()) continue;
    *place++ = separator;
    place = Put(place, labels);
    separator = ',';
  }
  if (separator == ',') *place++ = '}';
  *place++ = ' ';
  place = PutNumber(place, value);
  *place++ = '\n';
  out_.Commit(place);
}

void TextWriter::SetBounds(
    const std::shared_ptr<const std::vector<double>>& bounds) {
  if (bounds == bounds_) return;
  bounds_ = bounds;
  le_labels_.clear();
  if (bounds == nullptr) return;
  for (const double bound : *bounds) {
    le_labels_.push_back("le=\"" + BoundText(bound, dialect_) + "\"");
  }
}

void TextWriter::WriteHistogram(const Series& series) {
  const HistogramValue& histogram = *series.histogram;
  SetBounds(histogram.bounds);
  for (std::size_t i = 0;
       i < le_labels_.size() && i < histogram.cumulative.size(); ++i) {
    WriteLine(bucket_name_, series, le_labels_[i],
              Count(histogram.cumulative[i]));
  }
  WriteLine(bucket_name_, series, "le=\"+Inf\"", Count(histogram.count));
  WriteLine(sum_name_, series, {}, histogram.sum);
  WriteLine(count_name_, series, {}, Count(histogram.count));
}

void TextWriter::WriteSummary(const Series& series) {
  const SummaryValue& summary = *series.summary;
  for (const auto& [quantile, value] : summary.quantiles) {
    const std::string label =
        "quantile=\"" + BoundText(quantile, dialect_) + "\"";
    WriteLine(bucket_name_, series, label, value);
  }
  WriteLine(sum_name_, series, {}, summary.sum);
  WriteLine(count_name_, series, {}, Count(summary.count));
}

void TextWriter::Write(const MetricFamily& family) {
  if (family.series.empty()) return;
  WriteHead(family);
  sum_name_ = family.name + "_sum";
  count_name_ = family.name + "_count";
  bucket_name_ = family.name;
  if (family.type == MetricType::kHistogram) bucket_name_ += "_bucket";
  bounds_.reset();
  le_labels_.clear();
  for (const Series* series : SortedSeries(family)) {
    if (series->histogram != nullptr) {
      WriteHistogram(*series);
    } else if (series->summary != nullptr) {
      WriteSummary(*series);
    } else {
      WriteLine(family.name, *series, {}, series->value);
    }
  }
}

std::size_t LabelBytes(const LabelSetPtr& labels) {
  return labels == nullptr ? 0 : labels->text().size();
}

// By the labels, and each family's first series: near enough that the text
// seldom has to move.
std::size_t ExpectedBytes(const std::vector<MetricFamily>& families) {
  std::size_t bytes = 64;
  for (const MetricFamily& family : families) {
    if (family.series.empty()) continue;
    const Series& first = family.series.front();
    std::size_t lines = 1;
    std::size_t rest = kExpectedRestBytes;
    if (first.histogram != nullptr) {
      lines = first.histogram->cumulative.size() + 3;
      rest = kExpectedBucketRestBytes;
    } else if (first.summary != nullptr) {
      lines = first.summary->quantiles.size() + 2;
      rest = kExpectedBucketRestBytes;
    }
    std::size_t labels = 0;
    for (const Series& series : family.series) {
      labels += LabelBytes(series.common) + LabelBytes(series.own);
    }
    bytes +=
        lines * (labels + family.series.size() * (family.name.size() + rest)) +
        2 * family.name.size() + family.help.size() + 64;
  }
  return bytes;
}

std::string WriteAll(const std::vector<MetricFamily>& families,
                     Dialect dialect) {
  TextWriter writer(dialect, ExpectedBytes(families));
  for (const MetricFamily& family : families) writer.Write(family);
  return std::move(writer).Take();
}

}  // namespace

std::string WriteText(const std::vector<MetricFamily>& families) {
  return WriteAll(families, Dialect::kText);
}

std::string WriteOpenMetrics(const std::vector<MetricFamily>& families) {
  return WriteAll(families, Dialect::kOpenMetrics);
}

}  // namespace gunicorn_exporter
