#include "exporter/exporter.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "collectors/statsd/receive/socket_activation.h"
#include "config/base/address.h"
#include "config/base/config_error.h"
#include "config/base/error_text.h"
#include "config/base/file_descriptor.h"
#include "config/base/log.h"
#include "exporter/container_network.h"
#include "exporter/signals.h"

namespace gunicorn_exporter {
namespace {

using std::chrono::steady_clock;

// How long the start, a health check, a reload and the end wait for the process
// table, and go on without it.
constexpr auto kProcessPatience = std::chrono::seconds(2);
// How long a reload waits for the configuration files, all together.
constexpr auto kFilePatience = std::chrono::seconds(5);
// What the receiver takes for senders that it has to look up, and more.
constexpr auto kReceiverPatience = std::chrono::seconds(5);

// A table that is not there is a mistake in the flag or in a container's
// mounts.
void CheckProcfs(const std::string& path) {
  const FileDescriptor folder(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    throw ConfigError("path.procfs: cannot read " + path + ": " +
                      ErrorText(errno) +
                      "; without a process table: --no-collector.process");
  }
}

void LogNotices(const std::vector<ConfigNotice>& notices) {
  for (const ConfigNotice& notice : notices) {
    LogEvent(LogLevel::kWarn, "config_notice",
             {{"file", notice.file},
              {"line", std::to_string(notice.line)},
              {"key", notice.key},
              {"message", notice.message}});
  }
}

// True in each case, also for gunicorn's sidecar, where nothing is wrong.
void WarnWhereNobodyElseIsHeard(const StatsdServer& statsd) {
  std::vector<std::string> addresses;
  for (const Transport transport :
       {Transport::kUdp, Transport::kTcp, Transport::kUnixgram}) {
    const auto more = statsd.addresses(transport);
    addresses.insert(addresses.end(), more.begin(), more.end());
  }
  if (!HearsItsContainerAlone(addresses)) return;
  LogEvent(
      LogLevel::kWarn, "statsd_heard_in_this_container_alone",
      {{"address", addresses.front()},
       {"message",
        "this container's network is not the machine's: only gunicorns in the "
        "same container or pod can send to a loopback address; for all others, "
        "set --statsd.listen-udp=:8125"}});
}

std::vector<AppId> ConfiguredApps(const Config& config) {
  std::vector<AppId> apps;
  for (const InstanceConfig& instance : config.instances) {
    apps.push_back(AppId{instance.proc_name, "", ""});
  }
  return apps;
}

}  // namespace

Exporter::Exporter(const Flags& flags, const LoadedConfig& loaded,
                   std::shared_ptr<const WebState> web)
    : flags_(flags),
      self_metrics_(SystemTime().unix_seconds),
      store_(loaded.config, SystemTime,
             flags.collector_statsd ? "statsd" : "logs"),
      history_(SystemTime().steady) {
  const Config& config = loaded.config;
  LogNotices(loaded.notices);
  self_metrics_.SetReloadResult(true, SystemTime().unix_seconds);
  store_.SetKnownApps(ConfiguredApps(config));

  InheritedSockets inherited = TakeInheritedSockets(
      TakeActivationVariables(), 3, flags.web_systemd_socket);
  std::vector<FileDescriptor> web_sockets = std::move(inherited.web);
  if (flags.web_systemd_socket && web_sockets.empty()) {
    throw ConfigError(
        "web.systemd_socket: systemd has handed over no socket that listens; "
        "expected a socket unit with ListenStream=");
  }
  std::vector<Collector*> collectors;
  if (flags.collector_process) {
    CheckProcfs(flags.path_procfs);
    process_.emplace(
        config, ProcessPaths{flags.path_procfs, flags.path_cgroupfs},
        self_metrics_.registry(),
        [this](const std::vector<AppId>& apps) { store_.SetKnownApps(apps); },
        [this](const std::vector<AppId>& apps) { store_.EndArbiters(apps); });
    collectors.push_back(&process_collector_.emplace(*process_));
  }
  if (flags.collector_statsd) {
    statsd_.emplace(flags, store_, self_metrics_.registry(),
                    process_ ? &*process_ : nullptr, std::move(inherited));
    WarnWhereNobodyElseIsHeard(*statsd_);
    const auto udp = statsd_->addresses(Transport::kUdp);
    const auto address = udp.empty() ? std::nullopt : ParseAddress(udp.front());
    if (process_ && address) process_->WatchSendersTo(address->port);
  }
  // After the process table, whose errors it counts; before the store, in which
  // is each line that the receivers have counted.
  collectors.push_back(&self_metrics_);
  if (flags.collector_statsd || flags.collector_logs) {
    collectors.push_back(&store_);
  }
  if (flags.collector_logs) {
    logs_.emplace(
        config, flags, store_,
        [this](const std::string& name) { return Knows(name); },
        [this] {
          if (statsd_) statsd_->WaitUntilTaken(kReceiverPatience);
        });
    collectors.push_back(&*logs_);
  }
  scraper_.emplace(std::move(collectors));
  // A reload may be asked for as soon as the server stands.
  const std::lock_guard lock(reload_mutex_);
  http_.emplace(flags, std::move(web), Handlers(), files_,
                std::move(web_sockets));
  Start();
}

void Exporter::Start() {
  // First: a log is read from where it ends now.
  if (logs_) logs_->FindFiles();
  if (process_) {
    process_->Start();
    // Lines that came before wait in the kernel, and find their app known.
    process_->WaitForLook(steady_clock::now() + kProcessPatience);
  }
  if (statsd_) statsd_->Start();
  // Last: access lines count only where no StatsD line has come.
  if (logs_) logs_->Start();
}

bool Exporter::Knows(const std::string& app_name) const {
  const std::vector<AppArrival> apps = store_.Arrivals();
  return std::any_of(apps.begin(), apps.end(), [&](const AppArrival& known) {
    return known.app.name == app_name;
  });
}

std::string Exporter::StatsdAddress() const {
  if (!statsd_) return "";
  const auto udp = statsd_->addresses(Transport::kUdp);
  if (!udp.empty()) return udp.front();
  const auto unixgram = statsd_->addresses(Transport::kUnixgram);
  return unixgram.empty() ? "" : "unix://" + unixgram.front();
}

KnownApps Exporter::Apps() {
  KnownApps known{{},
                  "the process collector is off: whether a gunicorn runs is "
                  "not looked at"};
  if (process_) {
    const auto now = steady_clock::now();
    known = ToKnownApps(process_->View(false, now + kProcessPatience),
                        steady_clock::now());
  }
  if (statsd_) {
    known.examples = statsd_->Examples();
    for (AppStatus& app : known.apps) {
      app.lines_carry = statsd_->CarriedBy(app.app);
    }
  }
  return known;
}

HttpHandlers Exporter::Handlers() {
  HttpHandlers handlers;
  handlers.scrape = [this](steady_clock::time_point deadline) {
    return scraper_->Collect(deadline);
  };
  handlers.apps = [this] { return Apps(); };
  handlers.ready = [this] { return !process_ || process_->HasLooked(); };
  handlers.history = &history_;
  handlers.statsd_address = StatsdAddress();
  handlers.reload = [this] { return Reload(); };
  handlers.quit = RequestStop;
  handlers.count_request = [this](std::string_view handler, int code) {
    self_metrics_.CountHttpRequest(handler, code);
  };
  return handlers;
}

void Exporter::ReadAndApply() {
  // First all that can fail.
  const auto deadline = steady_clock::now() + kFilePatience;
  std::optional<LoadedConfig> loaded;
  if (!flags_.config_file.empty()) {
    loaded = files_.Call(
        flags_.config_file,
        [file = flags_.config_file] { return LoadConfigFile(file); }, deadline);
  }
  auto web_config = http_->access().Prepare(deadline);
  if (loaded && process_ &&
      process_->View(false, steady_clock::now() + kProcessPatience).is_late) {
    throw ConfigError(
        "the process table does not answer: reload again when it does");
  }

  http_->access().Adopt(std::move(web_config));
  if (statsd_) statsd_->Reload();
  if (!loaded) return;
  const Config& config = loaded->config;
  LogNotices(loaded->notices);
  // First, so that no line of a log that is dropped comes after its series.
  if (logs_) logs_->Reconfigure(config);
  store_.Reconfigure(config);
  if (process_) {
    process_->Reconfigure(config);  // Which tells the store all known apps.
  } else {
    store_.SetKnownApps(ConfiguredApps(config));
  }
}

std::string Exporter::Reload() {
  const std::lock_guard lock(reload_mutex_);
  std::string error;
  try {
    ReadAndApply();
  } catch (const std::exception& exception) {  // No memory, or ConfigError.
    error = exception.what();
  }
  self_metrics_.SetReloadResult(error.empty(), SystemTime().unix_seconds);
  if (error.empty()) {
    LogEvent(LogLevel::kInfo, "config_reloaded");
  } else {
    LogEvent(LogLevel::kError, "config_reload_failed", {{"error", error}});
  }
  return error;
}

StatusViews Exporter::LastViews() {
  std::vector<MetricFamily> families =
      store_.Collect(steady_clock::now()).families;
  KnownApps known;
  if (process_) {
    const auto last = process_->LastView(steady_clock::now());
    known = ToKnownApps(last, steady_clock::now());
    // Else what it says of the apps may not hold any more.
    if (known.trouble.empty()) {
      auto more = ToFamilies(*last.view, TicksPerSecond());
      std::move(more.begin(), more.end(), std::back_inserter(families));
    }
  }
  return ViewApps(families, known);
}

void Exporter::KeepHistory() {
  const TimePoint now = SystemTime();
  if (history_.IsDue(now.steady)) history_.Add(now.steady, LastViews());
}

steady_clock::time_point Exporter::NextHistoryPoint() {
  return steady_clock::time_point(History::NextPoint(SystemTime().steady));
}

bool Exporter::CanStop() {
  const auto deadline = steady_clock::now() + kProcessPatience;
  return (!process_ || process_->Stop(deadline)) && files_.IsIdle(deadline);
}

}  // namespace gunicorn_exporter
