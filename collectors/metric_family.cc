#include "collectors/metric_family.h"

#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

void AppendEscaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

LabelSet::LabelSet(std::vector<Label> labels) : labels_(std::move(labels)) {
  for (Label& label : labels_) {
    label.value = ToValidUtf8(label.value);
    if (!text_.empty()) text_ += ',';
    text_ += label.name;
    text_ += "=\"";
    AppendEscaped(text_, label.value);
    text_ += '"';
  }
}

LabelSetPtr MakeLabels(std::vector<Label> labels) {
  return std::make_shared<const LabelSet>(std::move(labels));
}

void AddSeries(MetricFamily& family, LabelSetPtr common, LabelSetPtr own,
               double value, double created_seconds) {
  Series series;
  series.common = std::move(common);
  series.own = std::move(own);
  series.value = value;
  series.created_seconds = created_seconds;
  family.series.push_back(std::move(series));
}

}  // namespace gunicorn_exporter
