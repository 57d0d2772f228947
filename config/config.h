// What the program can be told: the configuration file (struct Config) and the
// command line (struct Flags). Plain data with the defaults; load_config.h and
// exporter/command_line.h fill it in, the constructors of the boxes read it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gunicorn_exporter {

// A label that an instance's tag became: "env:prod" is {"env", "prod"}. The
// name is a valid label name that no series of ours uses itself.
struct TagLabel {
  std::string name;
  std::string value;

  bool operator==(const TagLabel&) const = default;
};

// One entry of `instances`.
struct InstanceConfig {
  std::string proc_name;       // Never empty. `gunicorn --name my_app`.
  std::vector<TagLabel> tags;  // Names are unique.
  std::string statsd_prefix;   // Empty: none.
  std::string gunicorn;        // Path of the program; empty: init_config's.
  // Where it listens, as the kernel's tables are written: "0.0.0.0:8000",
  // "[::1]:8000", "unix:/run/my_app.sock".
  std::vector<std::string> bind = {};
  // How many requests a worker can have in hand; 0: not said.
  unsigned threads = 0;

  bool operator==(const InstanceConfig&) const = default;
};

// A `multi_line` rule: a line that begins with a match of `pattern` begins a
// new message.
struct MultiLineRule {
  std::string name;
  std::string pattern;  // An RE2 expression that compiles.

  bool operator==(const MultiLineRule&) const = default;
};

// One entry of `logs`.
struct LogSourceConfig {
  std::string path;                        // A glob is allowed.
  std::vector<std::string> exclude_paths;  // Globs of files to leave alone.
  std::string service;                     // The app; may be empty.
  std::string source;                      // Informational.
  // Of an access line: an RE2 expression with the group `status` and, where the
  // line has the duration, one of `seconds`, `milliseconds`, `microseconds`.
  // Empty: the known formats.
  std::string pattern;
  std::vector<MultiLineRule> multi_line;
  // Seconds: the unit of a duration that an access line has without one. 0: not
  // told. Only without a pattern.
  double duration_unit_seconds = 0;
  // Of an error line: an RE2 expression with the group `level` and, where the
  // line has it, `message`; `pid` is allowed. Empty: the known formats.
  std::string error_pattern;

  bool operator==(const LogSourceConfig&) const = default;
};

struct DiscoveryConfig {
  bool enabled = true;
  std::chrono::milliseconds forget_after =
      std::chrono::minutes(10);  // 0: at once.

  bool operator==(const DiscoveryConfig&) const = default;
};

struct ProcessConfig {
  std::chrono::milliseconds sample_interval =
      std::chrono::seconds(1);  // Above 0.
  bool per_worker = false;
  bool pod_labels = false;
  bool upstreams = true;

  bool operator==(const ProcessConfig&) const = default;
};

enum class UnmatchedLines { kDrop, kExport };

struct StatsdConfig {
  std::chrono::milliseconds series_ttl{0};  // 0: for ever.
  std::size_t max_series = 10000;           // At least 1.
  std::string default_app;                  // Empty: "unknown".
  // Seconds, ascending, finite, at least one; +Inf is implied.
  std::vector<double> histogram_buckets = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                           0.5,   1,    2.5,   5,    10};
  int native_histogram_schema = 3;  // -4 to 8.
  std::vector<double> quantiles = {0.5, 0.9, 0.95, 0.99,
                                   1};  // Each in [0, 1], ascending.
  std::chrono::milliseconds quantile_window =
      std::chrono::seconds(60);  // Above 0.
  std::vector<int> preset_status_codes = {200, 201, 204, 301, 302, 304,
                                          400, 401, 403, 404, 405, 429,
                                          500, 502, 503, 504};  // 100 to 599.
  std::vector<std::string> tag_labels;  // DogStatsD tag keys, as they are sent.
  UnmatchedLines unmatched = UnmatchedLines::kDrop;

  bool operator==(const StatsdConfig&) const = default;
};

// The configuration file, whole. A default-constructed one is what the program
// does without a file.
struct Config {
  std::string gunicorn;  // init_config.gunicorn; empty: none.
  std::vector<InstanceConfig> instances;
  std::vector<LogSourceConfig> logs;
  DiscoveryConfig discovery;
  ProcessConfig process;
  StatsdConfig statsd;

  bool operator==(const Config&) const = default;
};

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

// The command line. It is read once; a reload does not change it.
struct Flags {
  std::string config_file;  // Empty: none.
  bool config_check = false;

  std::vector<std::string> web_listen_addresses = {":18125"};
  std::string web_telemetry_path = "/metrics";  // Begins with "/".
  std::string web_config_file;                  // Empty: none.
  bool web_enable_lifecycle = false;
  bool web_systemd_socket = false;        // The listeners are systemd's.
  std::string web_health_listen_address;  // Empty: none.
  unsigned web_max_requests = 40;         // Scrapes at a time; 0: no limit.

  std::vector<std::string> statsd_listen_udp = {"127.0.0.1:8125"};
  std::vector<std::string> statsd_listen_tcp;
  std::string statsd_listen_unixgram;  // An absolute path; empty: off.
  unsigned statsd_unixsocket_mode = 0722;
  // Bytes; 0: 4 MiB, within net.core.rmem_max, unless a socket has more.
  std::size_t statsd_read_buffer = 0;
  std::string statsd_relay_address;  // "host:port"; empty: off.

  std::string logs_position_file;  // Empty: off.
  std::string path_procfs = "/proc";
  std::string path_cgroupfs = "/sys/fs/cgroup";

  bool collector_process = true;
  bool collector_statsd = true;
  bool collector_logs = true;

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kLogfmt;
};

}  // namespace gunicorn_exporter
