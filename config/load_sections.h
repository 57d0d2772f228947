// Sections of the configuration file. A null section is none, or the defaults.
// Each throws ConfigError.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/yaml.h"

namespace gunicorn_exporter {

std::vector<InstanceConfig> LoadInstances(const YamlValue& section);

// The agent's keys, and `pattern`, `error_pattern` and `duration_unit` of our
// own. The entries of type file; every other type of the agent's is a notice.
std::vector<LogSourceConfig> LoadLogs(const YamlValue& section);

StatsdConfig LoadStatsd(const YamlValue& section);

}  // namespace gunicorn_exporter
