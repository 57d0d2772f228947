#include "exporter/status_json.h"

#include "exporter/health.h"

namespace gunicorn_exporter {

std::string StatusJson(const std::vector<MetricFamily>& /*families*/,
                       const std::vector<AppStatus>& apps) {
  return HealthOfAll(apps).json;
}

}  // namespace gunicorn_exporter
