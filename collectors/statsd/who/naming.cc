#include "collectors/statsd/who/naming.h"

#include <algorithm>

namespace gunicorn_exporter {
namespace {

// Several containers of one name are one app where only the name is asked for.
std::optional<AppId> OnlyApp(const std::vector<AppId>& known) {
  if (known.empty()) return std::nullopt;
  const bool one_name = std::all_of(
      known.begin(), known.end(),
      [&](const AppId& app) { return app.name == known.front().name; });
  if (!one_name) return std::nullopt;
  if (known.size() == 1) return known.front();
  return AppId{known.front().name, "", ""};
}

}  // namespace

std::string_view WithoutLastDots(std::string_view prefix) {
  while (prefix.ends_with('.')) prefix.remove_suffix(1);
  return prefix;
}

Naming MakeNaming(const Config& config, const std::vector<AppId>& known) {
  Naming naming;
  for (const InstanceConfig& instance : config.instances) {
    naming.known_names.insert(instance.proc_name);
    const std::string_view prefix = WithoutLastDots(instance.statsd_prefix);
    if (!prefix.empty()) {
      naming.app_of_prefix.emplace(prefix, instance.proc_name);
    }
  }
  for (const AppId& app : known) naming.known_names.insert(app.name);
  naming.only_app = OnlyApp(known);
  naming.default_app =
      config.statsd.default_app.empty() ? "unknown" : config.statsd.default_app;
  naming.tag_labels = config.statsd.tag_labels;
  naming.export_unmatched = config.statsd.unmatched == UnmatchedLines::kExport;
  return naming;
}

}  // namespace gunicorn_exporter
