#include "exporter/commands.h"

#include <cstdlib>
#include <iostream>

#include "config/config_error.h"
#include "config/load_config.h"
#include "config/log.h"
#include "exporter/exporter.h"
#include "exporter/signals.h"
#include "exporter/version.h"

namespace gunicorn_exporter {
namespace {

LoadedConfig LoadConfig(const Flags& flags) {
  return flags.config_file.empty() ? LoadedConfig{}
                                   : LoadConfigFile(flags.config_file);
}

}  // namespace

int Serve(const Flags& flags) {
  BlockSignals();
  const LoadedConfig loaded = LoadConfig(flags);
  StartLog(flags.log_level, flags.log_format);
  LogEvent(LogLevel::kInfo, "starting",
           {{"version", kVersion}, {"revision", kRevision}});
  {
    Exporter exporter(flags, loaded);
    while (WaitForSignal() == Signal::kReload) exporter.Reload();
    LogEvent(LogLevel::kInfo, "stopping");
    if (!exporter.CanStop()) {
      // A thread hangs in the kernel: there is nothing that could be waited for.
      LogEvent(LogLevel::kWarn, "stopped_while_a_collector_hangs");
      StopLog();
      std::_Exit(0);
    }
  }
  StopLog();
  return 0;
}

int CheckConfiguration(const Flags& flags) {
  try {
    LoadConfig(flags);
  } catch (const ConfigError& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}

}  // namespace gunicorn_exporter
