#include "exporter/exporter.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <future>
#include <mutex>
#include <utility>
#include <vector>

#include "collectors/logs/log_collector.h"
#include "collectors/process/process_collector.h"
#include "collectors/process/process_monitor.h"
#include "collectors/process/sender_finder.h"
#include "collectors/series/metric_store.h"
#include "collectors/statsd/receive/socket_activation.h"
#include "collectors/statsd/receive/statsd_server.h"
#include "collectors/statsd/statsd_collector.h"
#include "config/base/config_error.h"
#include "config/base/error_text.h"
#include "config/base/file_descriptor.h"
#include "config/base/log.h"
#include "exporter/patient_caller.h"
#include "exporter/patient_lookup.h"
#include "exporter/scrape/scrape.h"
#include "exporter/scrape/self_metrics.h"
#include "exporter/sender_adapter.h"
#include "exporter/signals.h"
#include "exporter/status/known_apps.h"
#include "exporter/unix_seconds.h"
#include "exporter/web/http_server.h"

namespace gunicorn_exporter {
namespace {

constexpr auto kScanPatience = std::chrono::seconds(2);
constexpr auto kStopPatience = std::chrono::seconds(2);
constexpr auto kMonitorPatience = std::chrono::seconds(2);
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

std::vector<AppId> ConfiguredApps(const Config& config) {
  std::vector<AppId> apps;
  for (const InstanceConfig& instance : config.instances) {
    apps.push_back(AppId{instance.proc_name, "", ""});
  }
  return apps;
}

// Where StatsD is off, the series that access lines feed are the log
// collector's.
class LogsWithRequests : public Collector {
 public:
  LogsWithRequests(std::shared_ptr<Collector> logs,
                   std::shared_ptr<Collector> requests)
      : logs_(std::move(logs)), requests_(std::move(requests)) {}

  std::string_view Name() const override { return logs_->Name(); }
  std::vector<MetricFamily> Collect() override {
    std::vector<MetricFamily> families = logs_->Collect();
    for (MetricFamily& family : requests_->Collect()) {
      families.push_back(std::move(family));
    }
    return families;
  }

 private:
  const std::shared_ptr<Collector> logs_;
  const std::shared_ptr<Collector> requests_;
};

HttpOptions ToHttpOptions(const Flags& flags) {
  HttpOptions options;
  options.listen_addresses = flags.web_listen_addresses;
  options.telemetry_path = flags.web_telemetry_path;
  options.web_config_file = flags.web_config_file;
  options.max_requests = flags.web_max_requests;
  options.enable_lifecycle = flags.web_enable_lifecycle;
  return options;
}

}  // namespace

// In the order in which they are built; what stands below uses what stands
// above. A part that a flag switches off is null.
struct Exporter::Parts {
  Parts(const Flags& given_flags, const Config& config)
      : flags(given_flags),
        self_metrics(UnixSeconds()),
        store(config, SystemTime) {}

  const Flags flags;
  SelfMetrics self_metrics;
  MetricStore store;
  std::unique_ptr<ProcessMonitor> monitor;
  std::unique_ptr<SenderFinder> sender_finder;
  std::unique_ptr<PatientLookup> sender_lookup;
  std::unique_ptr<SenderAdapter> sender_adapter;
  // Asks the monitor, which waits for as long as the process table does.
  PatientCaller monitor_caller{kMonitorPatience};
  std::mutex last_apps_mutex;
  std::vector<AppStatus> last_apps;  // As the monitor said them last.
  std::unique_ptr<StatsdServer> statsd;
  std::shared_ptr<LogCollector> logs;
  std::unique_ptr<Scraper> scraper;
  std::unique_ptr<HttpServer> http;

  std::mutex reload_mutex;  // One reload at a time.
  // The first look at the process table is done, or none is wanted.
  std::atomic<bool> scanned{false};
  std::future<void> first_scan;

  void Start();
  bool Knows(const std::string& app_name) const;
  // What --statsd-host of a gunicorn should be; empty: nothing is received.
  std::string StatsdAddress() const;
  KnownApps Apps();
  HttpHandlers Handlers(Exporter& exporter);
  // Empty when it worked, else one line that says why not.
  std::string Apply(const Config& config);
};

void Exporter::Parts::Start() {
  // First: a log is read from where it ends now.
  if (logs) logs->FindFiles();
  // In a thread: a procfs that does not answer must not keep the rest from it.
  first_scan = std::async(std::launch::async, [this] {
    try {
      if (monitor) monitor->Start();
      scanned = true;
    } catch (const std::exception& error) {
      LogEvent(LogLevel::kError, "process_table_not_watched",
               {{"error", error.what()}});
      throw;
    }
  });
  // Lines that came before wait in the kernel, and find their app known.
  if (first_scan.wait_for(kScanPatience) == std::future_status::ready) {
    first_scan.get();  // No thread or no memory to be had: the start fails.
  }
  if (statsd) statsd->Start();
  // Last: access lines count only where no StatsD line has come.
  if (logs) logs->Start();
}

bool Exporter::Parts::Knows(const std::string& app_name) const {
  const std::vector<AppArrival> apps = store.Arrivals();
  return std::any_of(apps.begin(), apps.end(), [&](const AppArrival& known) {
    return known.app.name == app_name;
  });
}

std::string Exporter::Parts::StatsdAddress() const {
  if (!statsd) return "";
  const auto udp = statsd->addresses(Transport::kUdp);
  if (!udp.empty()) return udp.front();
  const auto unixgram = statsd->addresses(Transport::kUnixgram);
  return unixgram.empty() ? "" : "unix://" + unixgram.front();
}

KnownApps Exporter::Parts::Apps() {
  if (!monitor) {
    return {{},
            "the process collector is off: whether a gunicorn runs is not "
            "looked at"};
  }
  const auto found = std::make_shared<KnownApps>();
  const bool answered = monitor_caller.Run([this, found] {
    found->apps = monitor->Apps();
    if (!monitor->TableReadable()) {
      found->trouble =
          "the process table cannot be read: what is told of it is old";
    }
  });
  const std::lock_guard lock(last_apps_mutex);
  if (answered) {
    last_apps = found->apps;
    return *found;
  }
  return {last_apps,
          "the process table does not answer: what is told of it is old"};
}

HttpHandlers Exporter::Parts::Handlers(Exporter& exporter) {
  HttpHandlers handlers;
  handlers.scrape = [this](std::chrono::steady_clock::time_point deadline) {
    return scraper->Collect(deadline);
  };
  handlers.apps = [this] { return Apps(); };
  handlers.ready = [this] { return scanned.load(); };
  handlers.reload = [&exporter] { return exporter.Reload(); };
  handlers.quit = RequestStop;
  handlers.count_request = [this](std::string_view handler, int code) {
    self_metrics.CountHttpRequest(handler, code);
  };
  return handlers;
}

std::string Exporter::Parts::Apply(const Config& config) {
  store.Reconfigure(config);
  if (logs) logs->Reconfigure(config);
  if (!monitor) {
    store.SetKnownApps(ConfiguredApps(config));
    return "";
  }
  const bool done = monitor_caller.Run([this, config] {
    monitor->Reconfigure(config);
    store.SetKnownApps(monitor->KnownApps());
  });
  return done ? ""
              : "the process table does not answer: reload again when it does";
}

Exporter::Exporter(const Flags& flags, const LoadedConfig& loaded)
    : parts_(std::make_unique<Parts>(flags, loaded.config)) {
  const Config& config = loaded.config;
  LogNotices(loaded.notices);
  Parts& parts = *parts_;
  parts.self_metrics.SetReloadResult(true, UnixSeconds());
  parts.store.SetKnownApps(ConfiguredApps(config));

  std::vector<std::shared_ptr<Collector>> collectors;
  if (flags.collector_process) {
    CheckProcfs(flags.path_procfs);
    parts.monitor = std::make_unique<ProcessMonitor>(config, flags.path_procfs);
    parts.monitor->SetAppsListener([&parts](const std::vector<AppId>& apps) {
      parts.store.SetKnownApps(apps);
    });
    parts.sender_finder = std::make_unique<SenderFinder>(*parts.monitor);
    parts.sender_lookup = std::make_unique<PatientLookup>(*parts.sender_finder);
    parts.sender_adapter =
        std::make_unique<SenderAdapter>(*parts.sender_lookup);
    collectors.push_back(std::make_shared<ProcessCollector>(*parts.monitor));
  }
  if (flags.collector_statsd) {
    parts.statsd = std::make_unique<StatsdServer>(
        flags, parts.store, parts.self_metrics.registry(),
        parts.sender_adapter.get(),
        TakeInheritedSockets(TakeActivationVariables()));
  }
  const auto requests = std::make_shared<StatsdCollector>(parts.store);
  if (flags.collector_statsd) collectors.push_back(requests);
  if (flags.collector_logs) {
    parts.logs = std::make_shared<LogCollector>(
        config, flags, parts.store,
        [&parts](const std::string& name) { return parts.Knows(name); },
        [&parts] {
          if (parts.statsd) parts.statsd->WaitUntilTaken(kReceiverPatience);
        });
    if (flags.collector_statsd) {
      collectors.push_back(parts.logs);
    } else {
      collectors.push_back(
          std::make_shared<LogsWithRequests>(parts.logs, requests));
    }
  }
  parts.scraper =
      std::make_unique<Scraper>(std::move(collectors), parts.self_metrics);
  {
    // A reload may be asked for as soon as the server stands.
    const std::lock_guard lock(parts.reload_mutex);
    HttpOptions options = ToHttpOptions(flags);
    options.statsd_address = parts.StatsdAddress();
    parts.http = std::make_unique<HttpServer>(options, parts.Handlers(*this));
  }
  parts.Start();
}

Exporter::~Exporter() {
  parts_->http.reset();
  if (parts_->first_scan.valid()) parts_->first_scan.wait();
}

std::string Exporter::Reload() {
  Parts& parts = *parts_;
  const std::lock_guard lock(parts.reload_mutex);
  std::string error;
  if (!parts.flags.config_file.empty()) {
    try {
      const LoadedConfig loaded = LoadConfigFile(parts.flags.config_file);
      LogNotices(loaded.notices);
      error = parts.Apply(loaded.config);
    } catch (const ConfigError& config_error) {
      error = config_error.what();
    }
  }
  if (error.empty()) error = parts.http->ReloadWebConfig();

  parts.self_metrics.SetReloadResult(error.empty(), UnixSeconds());
  if (error.empty()) {
    LogEvent(LogLevel::kInfo, "config_reloaded");
  } else {
    LogEvent(LogLevel::kError, "config_reload_failed", {{"error", error}});
  }
  return error;
}

bool Exporter::CanStop() {
  const auto deadline = Scraper::Clock::now() + kStopPatience;
  return parts_->scanned.load() && parts_->scraper->Drain(deadline) &&
         parts_->monitor_caller.Drain(deadline) &&
         (!parts_->sender_lookup || parts_->sender_lookup->Drain(deadline));
}

}  // namespace gunicorn_exporter
