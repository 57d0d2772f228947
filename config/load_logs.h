// The section `logs` of the configuration file: the agent's keys, and `pattern`
// and `duration_unit` of our own.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/yaml_value.h"

namespace gunicorn_exporter {

// The entries of type file; every other type of the agent's is a notice. Null
// is none. Throws ConfigError.
std::vector<LogSourceConfig> LoadLogs(const YamlValue& section);

}  // namespace gunicorn_exporter
