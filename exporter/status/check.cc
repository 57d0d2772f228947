#include "exporter/status/check.h"

#include <string_view>
#include <utility>

#include "exporter/status/status_hints.h"

namespace gunicorn_exporter {
namespace {

// The agents' check counts two: gunicorn.workers, idle and working.
constexpr std::size_t kMetricsOfAnApp = 2;

// "app:app, other": the names that the command lines of those without a title
// tell.
std::string NamesOfUntitled(const std::vector<AppStatus>& apps) {
  std::string names;
  for (const AppStatus& app : apps) {
    if (app.titled || app.masters == 0) continue;
    if (!names.empty()) names += ", ";
    names += app.app.name;
  }
  return names;
}

std::string FormatInstance(const AppStatus& app,
                           const std::string& untitled_strangers) {
  std::string line =
      app.ok ? "[OK]: " + app.message : "[ERROR]: '" + app.message + "'";
  line = WithNotes(std::move(line), app);
  if (app.masters == 0 && !untitled_strangers.empty()) {
    line.append(" (found without a process title, by the command line: ")
        .append(untitled_strangers)
        .append("; ")
        .append(kInstallSetproctitle)
        .append(")");
  }
  if (!app.titled) {
    line.append(" (no process title, found by its command line; ")
        .append(kInstallSetproctitle)
        .append(")");
  }
  if (!app.lines_carry.empty()) {
    line += " (its StatsD lines carry " + app.lines_carry + ")";
  }
  if (!app.ok) return line;
  const std::string unknown = WhyUnknown(app);
  if (!unknown.empty()) line += " (" + unknown + ")";
  const std::string why = WhyNoRequests(app.worker_class);
  if (!why.empty()) line += " (" + why + ")";
  return line;
}

// A title is whatever its user wrote: it neither makes a line of this page nor
// steers the terminal. U+FFFD in place of each control character (C0, DEL, C1).
std::string WithoutControls(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_c1 =
        byte == 0xC2U && i + 1 < text.size() &&
        (static_cast<unsigned char>(text[i + 1]) & 0xE0U) == 0x80U;
    if (is_c1) ++i;
    if (is_c1 || byte < 0x20U || byte == 0x7FU) {
      shown += "\uFFFD";
    } else {
      shown += text[i];
    }
  }
  return shown;
}

}  // namespace

std::string FormatCheck(const std::vector<AppStatus>& apps,
                        const std::vector<AppStatus>& strangers,
                        const std::vector<std::string>& notes,
                        const std::string& version) {
  const std::string untitled_strangers = NamesOfUntitled(strangers);
  const std::string heading = "gunicorn (" + version + ")";
  std::string page = "Checks\n======\n\n  " + heading + "\n  " +
                     std::string(heading.size(), '-') + "\n";
  std::size_t metrics = 0;
  for (std::size_t i = 0; i < apps.size(); ++i) {
    page += "    - instance #" + std::to_string(i) + " " +
            WithoutControls(FormatInstance(apps[i], untitled_strangers)) + "\n";
    if (apps[i].masters > 0) metrics += kMetricsOfAnApp;
  }
  if (apps.empty()) {
    page += "    - no instance is configured";
    if (!strangers.empty()) {
      page += ", and discovery is off";
    } else if (notes.empty()) {
      page += " and no gunicorn is running";
    }
    page += "\n";
  }
  for (const std::string& note : notes) {
    page += "    - " + WithoutControls(note) + "\n";
  }
  page += "    - Collected " + std::to_string(metrics) +
          " metrics, 0 events & " + std::to_string(apps.size()) +
          " service checks\n";
  return page;
}

int CheckExitCode(const std::vector<AppStatus>& apps) {
  if (apps.empty()) return kExitUnknown;
  int code = kExitOk;
  for (const AppStatus& app : apps) {
    if (app.ok) continue;
    if (!app.may_be_hidden) return kExitCritical;
    code = kExitUnknown;
  }
  return code;
}

}  // namespace gunicorn_exporter
