#include "exporter/commands.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "collectors/process/process_monitor.h"
#include "collectors/statsd/who/carried_names.h"
#include "config/base/config_error.h"
#include "config/base/descriptor_limit.h"
#include "config/base/log.h"
#include "config/load_config.h"
#include "exporter/exporter.h"
#include "exporter/signals.h"
#include "exporter/startup_memory.h"
#include "exporter/status/check.h"
#include "exporter/status/status_hints.h"
#include "exporter/version.h"
#include "exporter/web/web_access.h"

namespace gunicorn_exporter {
namespace {

// As long as the agents' check looks at a worker's CPU time.
constexpr auto kBetweenSamples = std::chrono::milliseconds(100);

LoadedConfig LoadConfig(const Flags& flags) {
  return flags.config_file.empty() ? LoadedConfig{}
                                   : LoadConfigFile(flags.config_file);
}

// Of the systemd unit. Who calls `check` by hand seldom repeats the flags of
// the service.
constexpr char kSocketOfTheUnit[] = "/run/gunicorn-exporter/statsd.sock";

bool HasUnixSocket(const Flags& flags) {
  std::error_code ignored;
  return !flags.statsd_listen_unixgram.empty() ||
         std::filesystem::is_socket(kSocketOfTheUnit, ignored);
}

// What the view of `check` tells of one app besides its status.
void AddNotes(const AppView& view, const Config& config, bool has_unix_socket,
              AppStatus& status) {
  for (const InstanceConfig& instance : config.instances) {
    // No line is received here: what the configuration says of them.
    if (instance.proc_name == status.app.name &&
        !instance.statsd_prefix.empty() &&
        instance.statsd_prefix != instance.proc_name) {
      status.lines_carry = CarriedPrefix(instance.statsd_prefix);
    }
  }
  for (const InfoView& info : view.infos) {
    std::string why =
        has_unix_socket ? WhyNoUnixSocket(info.version) : std::string();
    if (why.empty()) continue;
    status.notes.push_back(std::move(why));
    break;
  }
}

}  // namespace

int Serve(const Flags& flags) {
  UseOneHeap();
  BlockSignals();
  RaiseDescriptorLimit();
  LoadedConfig loaded;
  std::shared_ptr<const WebState> web;
  {
    const UnblockedStop unblocked;  // A file may not answer.
    loaded = LoadConfig(flags);
    web = LoadWebState(flags.web_config_file);
  }
  StartLog(flags.log_level, flags.log_format);
  LogEvent(LogLevel::kInfo, "starting",
           {{"version", kVersion}, {"revision", kRevision}});
  {
    Exporter exporter(flags, loaded, std::move(web));
    ReleaseLog();
    ReleaseStartupMemory();
    for (;;) {
      const auto signal = WaitForSignal(exporter.NextHistoryPoint());
      if (signal == Signal::kStop) break;
      if (signal == Signal::kReload) exporter.Reload();
      exporter.KeepHistory();
    }
    LogEvent(LogLevel::kInfo, "stopping");
    if (!exporter.CanStop()) {
      // A thread hangs in the kernel: there is nothing that could be waited
      // for.
      LogEvent(LogLevel::kWarn, "stopped_while_a_thread_hangs");
      StopLog();
      std::_Exit(0);
    }
  }
  if (!StopLog()) std::_Exit(0);
  return 0;
}

int CheckInstances(const Flags& flags) {
  Config config = LoadConfig(flags).config;
  const bool all_are_checked = config.discovery.enabled;
  config.discovery.enabled = true;  // Strangers may explain who is missing.
  prometheus::Registry registry;
  ProcessMonitor monitor(config, {flags.path_procfs, flags.path_cgroupfs},
                         registry);
  monitor.Scan();
  monitor.Sample();
  std::this_thread::sleep_for(kBetweenSamples);
  monitor.Sample();
  const bool has_unix_socket = HasUnixSocket(flags);
  // The details tell the versions.
  const ProcessView view = monitor.View(has_unix_socket);
  if (!view.readable) {
    std::cerr << "gunicorn_exporter: " << flags.path_procfs
              << ": the process table cannot be read\n";
    return kExitUnknown;
  }
  std::vector<AppStatus> apps;
  for (const AppView& app : view.apps) {
    apps.push_back(app.status);
    AddNotes(app, config, has_unix_socket, apps.back());
  }
  const auto first_stranger = std::stable_partition(
      apps.begin(), apps.end(),
      [&](const AppStatus& app) { return all_are_checked || app.configured; });
  const std::vector<AppStatus> strangers(first_stranger, apps.end());
  apps.erase(first_stranger, apps.end());
  std::cout << FormatCheck(apps, strangers, NotesOfMachine(view), kVersion);
  return CheckExitCode(apps);
}

int CheckConfiguration(const Flags& flags) {
  try {
    LoadConfig(flags);
    LoadWebState(flags.web_config_file);
  } catch (const ConfigError& error) {
    std::cerr << error.what() << '\n';
    return kExitBadConfiguration;
  }
  return kExitOk;
}

}  // namespace gunicorn_exporter
