// The command line: what to do, and the flags of config.h.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace gunicorn_exporter {

enum class Command {
  kServe,
  kCheck,        // `check`: one pass over the process table.
  kConfigCheck,  // `--config.check`: validate the file.
  kPrint,        // `--help`, `--version`: write `text` to stdout.
};

struct CommandLine {
  Command command = Command::kServe;
  Flags flags;
  std::string text;  // Of kPrint.
};

// `arguments` are without the program's name. Throws ConfigError, one line that
// names the flag. The environment is not read.
CommandLine ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace gunicorn_exporter
