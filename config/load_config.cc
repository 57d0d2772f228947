#include "config/load_config.h"

#include <utility>

#include "config/base/config_error.h"
#include "config/base/read_file.h"
#include "config/load_sections.h"
#include "config/tag_label.h"
#include "config/yaml.h"

namespace gunicorn_exporter {
namespace {

constexpr KeyRule<Config> kInitConfigKeys[] = {
    {"gunicorn", Set<&Config::gunicorn, &YamlValue::String>},
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

constexpr KeyRule<DiscoveryConfig> kDiscoveryKeys[] = {
    {"enabled", Set<&DiscoveryConfig::enabled, &YamlValue::Bool>},
    {"forget_after", Set<&DiscoveryConfig::forget_after, &YamlValue::Duration>},
};

constexpr KeyRule<ProcessConfig> kProcessKeys[] = {
    {"sample_interval",
     Set<&ProcessConfig::sample_interval, &YamlValue::DurationAboveZero>},
    {"per_worker", Set<&ProcessConfig::per_worker, &YamlValue::Bool>},
    {"pod_labels", Set<&ProcessConfig::pod_labels, &YamlValue::Bool>},
    {"upstreams", Set<&ProcessConfig::upstreams, &YamlValue::Bool>},
};

constexpr KeyRule<Config> kSectionKeys[] = {
    {"init_config",
     [](const YamlValue& value, Config& config) {
       ReadMap(value, kInitConfigKeys, config);
     }},
    {"instances", Set<&Config::instances, LoadInstances>},
    {"logs", Set<&Config::logs, LoadLogs>},
    {"discovery",
     [](const YamlValue& value, Config& config) {
       ReadMap(value, kDiscoveryKeys, config.discovery);
     }},
    {"process",
     [](const YamlValue& value, Config& config) {
       ReadMap(value, kProcessKeys, config.process);
     }},
    {"statsd", Set<&Config::statsd, LoadStatsd>},
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
  YamlFile yaml{file};
  const YamlValue root = YamlValue::Parse(text, yaml);
  Config config;
  for (const auto& [key, value] : root.Entries()) {
    if (key == "instances") config.discovery.enabled = value.Items().empty();
  }
  ReadMap(root, kSectionKeys, config);
  CheckTagLabels(root, config);
  return {std::move(config), std::move(yaml.notices)};
}

}  // namespace gunicorn_exporter
