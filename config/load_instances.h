// The section `instances` of the configuration file.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/yaml_value.h"

namespace gunicorn_exporter {

// Null is none. Throws ConfigError.
std::vector<InstanceConfig> LoadInstances(const YamlValue& section);

}  // namespace gunicorn_exporter
