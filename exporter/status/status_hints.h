// What a person on call should know that no number says, in plain words. Pure
// functions.
#pragma once

#include <string>
#include <vector>

#include "collectors/metric_family.h"
#include "exporter/status/status_view.h"

namespace gunicorn_exporter {

// Of one app. `statsd_address`: what --statsd-host of its gunicorn should be;
// empty where StatsD is not received. `now_seconds`: Unix time.
std::vector<std::string> HintsForApp(const StatusView& app,
                                     const std::string& statsd_address,
                                     double now_seconds);

// What would tell an app's workers that are unknown; empty where none is.
std::string WhyUnknown(const AppStatus& app);

// Why gunicorns of this worker class report no request, though they send StatsD
// lines. Empty: no reason is known.
std::string WhyNoRequests(const std::string& worker_class);

// Of the exporter itself.
std::vector<std::string> HintsForAll(const std::vector<MetricFamily>& families);

}  // namespace gunicorn_exporter
