#include "collectors/statsd/who/naming.h"

#include <algorithm>

#include "config/tag_label.h"

namespace gunicorn_exporter {
namespace {

std::vector<TagKey> MakeTagLabels(const std::vector<std::string>& keys) {
  std::vector<TagKey> labels;
  for (const std::string& key : keys) {
    const std::string label = TagLabelName(key);
    const bool taken =
        std::any_of(labels.begin(), labels.end(),
                    [&](const TagKey& other) { return other.label == label; });
    if (!label.empty() && !taken) labels.push_back({key, label});
  }
  return labels;
}

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

Naming MakeNaming(const Config& config, const std::vector<AppId>& known) {
  Naming naming;
  for (const InstanceConfig& instance : config.instances) {
    if (!instance.statsd_prefix.empty()) {
      naming.app_of_prefix.emplace(instance.statsd_prefix, instance.proc_name);
    }
  }
  naming.only_app = OnlyApp(known);
  naming.default_app =
      config.statsd.default_app.empty() ? "unknown" : config.statsd.default_app;
  naming.tag_labels = MakeTagLabels(config.statsd.tag_labels);
  naming.export_unmatched = config.statsd.unmatched == UnmatchedLines::kExport;
  return naming;
}

}  // namespace gunicorn_exporter
