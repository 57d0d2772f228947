#include "collectors/app_labels.h"

#include <algorithm>
#include <utility>

namespace gunicorn_exporter {

LabelSetPtr MakeAppLabels(const AppId& app, const Config& config) {
  std::vector<Label> labels;
  labels.push_back({"app", app.name});
  const auto instance =
      std::find_if(config.instances.begin(), config.instances.end(),
                   [&](const InstanceConfig& candidate) {
                     return candidate.proc_name == app.name;
                   });
  if (instance != config.instances.end()) {
    for (const TagLabel& tag : instance->tags) {
      labels.push_back({tag.name, tag.value});
    }
  }
  if (config.process.pod_labels) {
    labels.push_back({"pod_uid", app.pod_uid});
    labels.push_back({"container_id", app.container_id});
  }
  return MakeLabels(std::move(labels));
}

}  // namespace gunicorn_exporter
