#include "exporter/check.h"

#include <algorithm>

#include "exporter/status_hints.h"

namespace gunicorn_exporter {
namespace {

// The agents' check counts two: gunicorn.workers, idle and working.
constexpr std::size_t kMetricsOfAnApp = 2;

std::string FormatInstance(const AppStatus& app) {
  if (!app.ok) return "[ERROR]: '" + app.message + "'";
  std::string line = "[OK]: " + app.message;
  if (!app.titled) {
    line +=
        " (no process title, found by its command line; install setproctitle "
        "for gunicorn's Python, python3-setproctitle in Debian)";
  }
  const std::string why = WhyNoRequests(app.worker_class);
  if (!why.empty()) line += " (" + why + ")";
  return line;
}

}  // namespace

std::string FormatCheck(const std::vector<AppStatus>& apps,
                        const std::string& version) {
  const std::string heading = "gunicorn (" + version + ")";
  std::string page = "Checks\n======\n\n  " + heading + "\n  " +
                     std::string(heading.size(), '-') + "\n";
  std::size_t metrics = 0;
  for (std::size_t i = 0; i < apps.size(); ++i) {
    page += "    - instance #" + std::to_string(i) + " " +
            FormatInstance(apps[i]) + "\n";
    if (apps[i].masters > 0) metrics += kMetricsOfAnApp;
  }
  if (apps.empty()) {
    page += "    - no instance is configured and no gunicorn is running\n";
  }
  page += "    - Collected " + std::to_string(metrics) +
          " metrics, 0 events & " + std::to_string(apps.size()) +
          " service checks\n";
  return page;
}

int CheckExitCode(const std::vector<AppStatus>& apps) {
  if (apps.empty()) return kExitUnknown;
  const bool all_ok = std::all_of(apps.begin(), apps.end(),
                                  [](const AppStatus& app) { return app.ok; });
  return all_ok ? kExitOk : kExitCritical;
}

}  // namespace gunicorn_exporter
