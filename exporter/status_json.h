// GET /api/v1/status: what the status page shows, as JSON.
#pragma once

#include <string>
#include <vector>

#include "collectors/app_status.h"
#include "collectors/metric_family.h"

namespace gunicorn_exporter {

std::string StatusJson(const std::vector<MetricFamily>& families,
                       const std::vector<AppStatus>& apps);

}  // namespace gunicorn_exporter
