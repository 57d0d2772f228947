#include "config/load_config.h"

#include <optional>
#include <utility>

#include "config/base/config_error.h"
#include "config/base/read_file.h"
#include "config/load_instances.h"
#include "config/load_logs.h"
#include "config/load_statsd.h"
#include "config/tag_label.h"
#include "config/yaml_tree.h"
#include "config/yaml_value.h"

namespace gunicorn_exporter {
namespace {

constexpr KeyRule<Config> kInitConfigKeys[] = {
    {"gunicorn", [](const YamlValue& value,
                    Config& config) { config.gunicorn = value.String(); }},
    // The agents' own.
    {"collect_default_metrics"},
    {"conf"},
    {"is_jmx"},
    {"loader"},
    {"min_collection_interval"},
    {"proxy"},
    {"service"},
    {"skip_proxy"},
    {"tags"},
    {"timeout"},
};

struct Discovery {
  std::optional<bool> enabled;  // Empty: not said.
  DiscoveryConfig config;
};

constexpr KeyRule<Discovery> kDiscoveryKeys[] = {
    {"enabled", [](const YamlValue& value,
                   Discovery& discovery) { discovery.enabled = value.Bool(); }},
    {"forget_after",
     [](const YamlValue& value, Discovery& discovery) {
       discovery.config.forget_after = value.Duration();
     }},
};

constexpr KeyRule<ProcessConfig> kProcessKeys[] = {
    {"sample_interval",
     [](const YamlValue& value, ProcessConfig& process) {
       process.sample_interval = value.DurationAboveZero();
     }},
    {"per_worker",
     [](const YamlValue& value, ProcessConfig& process) {
       process.per_worker = value.Bool();
     }},
    {"pod_labels",
     [](const YamlValue& value, ProcessConfig& process) {
       process.pod_labels = value.Bool();
     }},
};

struct File {
  Config config;
  Discovery discovery;
};

constexpr KeyRule<File> kFileKeys[] = {
    {"init_config",
     [](const YamlValue& value, File& file) {
       ReadMap(value, kInitConfigKeys, file.config);
     }},
    {"instances",
     [](const YamlValue& value, File& file) {
       file.config.instances = LoadInstances(value);
     }},
    {"logs", [](const YamlValue& value,
                File& file) { file.config.logs = LoadLogs(value); }},
    {"discovery",
     [](const YamlValue& value, File& file) {
       ReadMap(value, kDiscoveryKeys, file.discovery);
     }},
    {"process",
     [](const YamlValue& value, File& file) {
       ReadMap(value, kProcessKeys, file.config.process);
     }},
    {"statsd", [](const YamlValue& value,
                  File& file) { file.config.statsd = LoadStatsd(value); }},
    // The agents' own.
    {"ad_identifiers"},
    {"advanced_ad_identifiers"},
    {"cel_selector"},
    {"check_tag_cardinality"},
    {"cluster_check"},
    {"docker_images"},
    {"ignore_autodiscovery_tags"},
    {"jmx_metrics"},
};

// A series has a label once: an instance's tag and a DogStatsD tag must not
// become the same one.
void CheckTagLabels(const YamlValue& root, const Config& config) {
  for (std::size_t i = 0; i < config.statsd.tag_labels.size(); ++i) {
    const std::string name = TagLabelName(config.statsd.tag_labels[i]);
    for (std::size_t j = 0; j < config.instances.size(); ++j) {
      for (const TagLabel& tag : config.instances[j].tags) {
        if (tag.name != name) continue;
        root.At("statsd")
            .At("tag_labels")
            .Items()[i]
            .Fail(Quoted(name) + " is a label by the tags of instances[" +
                  std::to_string(j) + "]; expected each label once");
      }
    }
  }
}

}  // namespace

LoadedConfig LoadConfigFile(const std::string& file) {
  std::string text;
  try {
    text = ReadTextFile(file, kMaxYamlBytes);
  } catch (const ConfigError& error) {
    throw ConfigError("--config.file: " + file + ": " + error.what());
  }
  return ParseConfig(text, file);
}

LoadedConfig ParseConfig(const std::string& text, const std::string& file) {
  const YamlNodePtr tree = ParseYaml(text, file);
  LoadedConfig loaded;
  const YamlValue root(*tree, file, loaded.notices);
  File read;
  ReadMap(root, kFileKeys, read);
  loaded.config = std::move(read.config);
  loaded.config.discovery = read.discovery.config;
  loaded.config.discovery.enabled =
      read.discovery.enabled.value_or(loaded.config.instances.empty());
  CheckTagLabels(root, loaded.config);
  return loaded;
}

}  // namespace gunicorn_exporter
