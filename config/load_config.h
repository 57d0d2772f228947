// Reads the configuration file: YAML, our own keys beside those of the two
// agents' gunicorn checks, whose files load unchanged.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace gunicorn_exporter {

// Something that the file says and the program leaves out: an agent's key
// without a meaning here, a bare tag, a tag whose name had to change. For one
// log line.
struct ConfigNotice {
  std::string file;
  int line = 0;         // From 1.
  std::string key;      // Dotted path: "init_config.is_jmx".
  std::string message;  // "ignored: has no meaning here"
};

struct LoadedConfig {
  Config config;
  std::vector<ConfigNotice> notices;
};

// Throws ConfigError, "FILE:LINE: KEY: what is wrong; what was expected", or
// "--config.file: FILE: what is wrong" where the file cannot be read.
LoadedConfig LoadConfigFile(const std::string& file);

// The same from text; `file` is for the messages.
LoadedConfig ParseConfig(const std::string& text, const std::string& file);

}  // namespace gunicorn_exporter
