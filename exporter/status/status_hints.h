// What a person on call should know that no number says, in plain words. Pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/metric_family.h"
#include "collectors/process/process_view.h"
#include "exporter/status/status_view.h"

namespace gunicorn_exporter {

// The text with the app's notes behind it, in brackets.
std::string WithNotes(std::string text, const AppStatus& app);

// Of the whole machine: gunicorns that cannot be named, and whether other
// users' processes can be seen.
std::vector<std::string> NotesOfMachine(const ProcessView& view);

// Of one app. `statsd_address`: where StatsD is received, "127.0.0.1:8125" or
// "unix:///run/statsd.sock"; empty where it is not. `now_seconds`: Unix time.
std::vector<std::string> HintsForApp(const StatusView& app,
                                     const std::string& statsd_address,
                                     double now_seconds);

// What would tell an app's workers that are unknown; empty where none is.
std::string WhyUnknown(const AppStatus& app);

inline constexpr std::string_view kInstallSetproctitle =
    "install setproctitle for gunicorn's Python, python3-setproctitle in "
    "Debian";

// Why gunicorns of this worker class report no request, though they send StatsD
// lines. Empty: no reason is known.
std::string WhyNoRequests(const std::string& worker_class);

// Why a gunicorn of this version cannot send to a unix socket. Empty: it can,
// or its version is not known.
std::string WhyNoUnixSocket(const std::string& version);

// Of the exporter itself.
std::vector<std::string> HintsForAll(const std::vector<MetricFamily>& families);

}  // namespace gunicorn_exporter
