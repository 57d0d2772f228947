// The labels that every series of an app carries: app="my_app", its instance's
// tags, and, with process.pod_labels, pod_uid and container_id.
#pragma once

#include <vector>

#include "collectors/app_id.h"
#include "collectors/metric_family.h"
#include "config/config.h"

namespace gunicorn_exporter {

// Pure. pod_uid and container_id are written where `config.process.pod_labels`
// is on, also when they are empty, so that every series of a family has the
// same names.
LabelSetPtr MakeAppLabels(const AppId& app, const Config& config);

}  // namespace gunicorn_exporter
