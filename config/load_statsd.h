// The section `statsd` of the configuration file.
#pragma once

#include "config/config.h"
#include "config/yaml_value.h"

namespace gunicorn_exporter {

// Null is the defaults. Throws ConfigError.
StatsdConfig LoadStatsd(const YamlValue& section);

}  // namespace gunicorn_exporter
