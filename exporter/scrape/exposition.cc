#include "exporter/scrape/exposition.h"

#include "exporter/scrape/protobuf_format.h"
#include "exporter/scrape/text_format.h"

namespace gunicorn_exporter {

std::string_view ContentType(ExpositionFormat format) {
  switch (format) {
    case ExpositionFormat::kText:
      break;
    case ExpositionFormat::kOpenMetrics:
      return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case ExpositionFormat::kProtobuf:
      return "application/vnd.google.protobuf; "
             "proto=io.prometheus.client.MetricFamily; encoding=delimited";
  }
  return "text/plain; version=0.0.4; charset=utf-8";
}

std::string Expose(const std::vector<MetricFamily>& families,
                   ExpositionFormat format) {
  switch (format) {
    case ExpositionFormat::kText:
      break;
    case ExpositionFormat::kOpenMetrics:
      return WriteOpenMetrics(families);
    case ExpositionFormat::kProtobuf:
      return WriteProtobuf(families);
  }
  return WriteText(families);
}

}  // namespace gunicorn_exporter
