#include "exporter/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <limits>
#include <map>

#include "config/base/address.h"
#include "config/base/config_error.h"
#include "config/base/number.h"
#include "config/base/unix_socket.h"
#include "exporter/version.h"

namespace gunicorn_exporter {
namespace {

const std::map<std::string, LogLevel> kLogLevels = {
    {"debug", LogLevel::kDebug},
    {"info", LogLevel::kInfo},
    {"warn", LogLevel::kWarn},
    {"error", LogLevel::kError}};

const std::map<std::string, LogFormat> kLogFormats = {
    {"logfmt", LogFormat::kLogfmt}, {"json", LogFormat::kJson}};

// A flag of several words, of which each use of it adds one.
void AddRepeatable(CLI::App& app, const std::string& name,
                   std::vector<std::string>& values, const std::string& help) {
  app.add_option(name, values, help)
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("ADDRESS")
      ->capture_default_str();
}

// --x switches on, --no-x off.
void AddBoolean(CLI::App& app, const std::string& name, bool& value,
                const std::string& help) {
  app.add_flag("--" + name + ",!--no-" + name, value, help);
}

// Takes the place of CLI11's message, which names neither value nor
// expectation.
template <typename Parse>
void AddParsed(CLI::App& app, const std::string& name,
               const std::string& default_text, const std::string& help,
               Parse parse) {
  app.add_option_function<std::string>(name, parse, help)
      ->type_name("TEXT")
      ->default_str(default_text);
}

template <typename Number>
Number NumberOf(const std::string& flag, const std::string& text,
                const std::string& expected, int base = 10,
                Number max = std::numeric_limits<Number>::max()) {
  const auto number = ParseNumber<Number>(text, base);
  if (number && *number <= max) return *number;
  throw ConfigError(flag + ": \"" + text + "\" is not " + expected);
}

template <typename Value>
Value Choose(const std::string& flag, const std::string& text,
             const std::map<std::string, Value>& choices) {
  const auto choice = choices.find(text);
  if (choice != choices.end()) return choice->second;
  std::string known;
  for (const auto& [name, value] : choices) {
    known += (known.empty() ? "" : ", ") + name;
  }
  throw ConfigError(flag + ": \"" + text + "\" is none of " + known);
}

void AddWebFlags(CLI::App& app, Flags& flags) {
  AddRepeatable(app, "--web.listen-address", flags.web_listen_addresses,
                "Serve HTTP here, HOST:PORT or unix:///PATH; repeatable");
  AddBoolean(app, "web.systemd-socket", flags.web_systemd_socket,
             "Serve HTTP on the sockets that systemd hands over");
  app.add_option("--web.health-listen-address", flags.web_health_listen_address,
                 "Serve /-/healthy, /-/ready and /health here too, plain")
      ->type_name("ADDRESS");
  app.add_option("--web.telemetry-path", flags.web_telemetry_path,
                 "Path of the metrics")
      ->capture_default_str();
  app.add_option("--web.config.file", flags.web_config_file,
                 "TLS, users and headers, in exporter-toolkit's format");
  AddBoolean(app, "web.enable-lifecycle", flags.web_enable_lifecycle,
             "Allow POST /-/reload and /-/quit");
  AddParsed(app, "--web.max-requests", std::to_string(flags.web_max_requests),
            "Scrapes at a time; 0: no limit", [&](const std::string& text) {
              flags.web_max_requests = NumberOf<unsigned>(
                  "--web.max-requests", text, "a number from 0 on");
            });
}

void AddStatsdFlags(CLI::App& app, Flags& flags) {
  AddRepeatable(app, "--statsd.listen-udp", flags.statsd_listen_udp,
                "Receive StatsD here; repeatable; empty: off");
  AddRepeatable(app, "--statsd.listen-tcp", flags.statsd_listen_tcp,
                "Receive StatsD lines over TCP here; repeatable");
  app.add_option("--statsd.listen-unixgram", flags.statsd_listen_unixgram,
                 "Receive StatsD on this unix datagram socket")
      ->type_name("PATH");
  AddParsed(app, "--statsd.unixsocket-mode", "0722",
            "Permissions of that socket, octal", [&](const std::string& text) {
              flags.statsd_unixsocket_mode = NumberOf<unsigned>(
                  "--statsd.unixsocket-mode", text,
                  "an octal mode from 0 to 0777; write for example 0722", 8,
                  0777);
            });
  AddParsed(app, "--statsd.read-buffer", "4 MiB, within net.core.rmem_max",
            "Receive buffer of each socket in bytes",
            [&](const std::string& text) {
              flags.statsd_read_buffer = NumberOf<std::size_t>(
                  "--statsd.read-buffer", text, "a number of bytes");
            });
  app.add_option("--statsd.relay-address", flags.statsd_relay_address,
                 "Forward every received line by UDP to this HOST:PORT")
      ->type_name("ADDRESS");
}

void AddOtherFlags(CLI::App& app, Flags& flags) {
  app.add_option("--config.file", flags.config_file, "The configuration")
      ->type_name("PATH");
  app.add_flag("--config.check", flags.config_check,
               "Validate the configuration and exit");
  app.add_option("--logs.position-file", flags.logs_position_file,
                 "Where the log collector keeps its places over a restart")
      ->type_name("PATH");
  app.add_option("--path.cgroupfs", flags.path_cgroupfs, "The cgroups")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("--path.procfs", flags.path_procfs, "The process table")
      ->type_name("PATH")
      ->capture_default_str();
  AddBoolean(app, "collector.process", flags.collector_process,
             "Series from the process table (on)");
  AddBoolean(app, "collector.statsd", flags.collector_statsd,
             "Series from StatsD (on)");
  AddBoolean(app, "collector.logs", flags.collector_logs,
             "Series from logs (on)");
  AddParsed(app, "--log.level", "info", "debug, info, warn or error",
            [&](const std::string& text) {
              flags.log_level = Choose("--log.level", text, kLogLevels);
            });
  AddParsed(app, "--log.format", "logfmt", "logfmt or json",
            [&](const std::string& text) {
              flags.log_format = Choose("--log.format", text, kLogFormats);
            });
}

void RefuseAllButBooleans(const std::string& name, const std::string& value) {
  if (value == "true" || value == "false") return;
  throw ConfigError(name + ": \"" + value + "\" is neither true nor false");
}

// "--flag=" gives an empty value; CLI11 would take the next argument for it.
// And it would take any number for a boolean.
std::vector<std::string> SplitEmptyValues(
    const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> split;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    if (!argument.starts_with("--") || equals == std::string::npos) {
      split.push_back(argument);
      continue;
    }
    const std::string name = argument.substr(0, equals);
    const std::string value = argument.substr(equals + 1);
    const CLI::Option* const option = app.get_option_no_throw(name);
    if (option != nullptr && option->get_expected_max() == 0) {
      RefuseAllButBooleans(name, value);
    }
    if (value.empty()) {
      split.push_back(name);
      split.emplace_back();
    } else {
      split.push_back(argument);
    }
  }
  return split;
}

void CheckAddresses(const std::string& flag,
                    const std::vector<std::string>& addresses) {
  const auto bad = std::find_if_not(addresses.begin(), addresses.end(),
                                    [](const std::string& address) {
                                      return ParseAddress(address).has_value();
                                    });
  if (bad == addresses.end()) return;
  throw ConfigError(flag + ": \"" + *bad +
                    "\" is not an address; write for example "
                    "\"127.0.0.1:8125\", \":8125\" or \"[::1]:8125\"");
}

// These may be paths of unix sockets.
void CheckWebAddresses(const std::string& flag,
                       std::vector<std::string> addresses) {
  std::erase_if(addresses, [&](const std::string& address) {
    return address.starts_with("unix:") &&
           !UnixSocketPath(address, flag).empty();
  });
  CheckAddresses(flag, addresses);
}

void CheckFlags(Flags& flags) {
  // An empty address switches a receiver off.
  for (auto* list : {&flags.statsd_listen_udp, &flags.statsd_listen_tcp}) {
    std::erase(*list, "");
  }
  const std::string& health = flags.web_health_listen_address;
  CheckWebAddresses("--web.listen-address", flags.web_listen_addresses);
  if (!health.empty()) {
    CheckWebAddresses("--web.health-listen-address", {health});
  }
  CheckAddresses("--statsd.listen-udp", flags.statsd_listen_udp);
  CheckAddresses("--statsd.listen-tcp", flags.statsd_listen_tcp);
  std::string& unixgram = flags.statsd_listen_unixgram;
  if (!unixgram.empty()) {
    unixgram = UnixSocketPath(unixgram, "--statsd.listen-unixgram");
  }
  if (!flags.statsd_relay_address.empty()) {
    const auto relay = ParseAddress(flags.statsd_relay_address);
    if (!relay || relay->host.empty() || relay->port == 0) {
      throw ConfigError("--statsd.relay-address: \"" +
                        flags.statsd_relay_address +
                        "\" is not HOST:PORT; write for example "
                        "\"127.0.0.1:9125\"");
    }
  }
  if (!flags.web_telemetry_path.starts_with('/')) {
    throw ConfigError("--web.telemetry-path: \"" + flags.web_telemetry_path +
                      "\" does not begin with \"/\"");
  }
  const auto is_of_a_path = [](char c) {
    return c > ' ' && c < '\x7f' && c != '?' && c != '#' && c != '%';
  };
  if (!std::all_of(flags.web_telemetry_path.begin(),
                   flags.web_telemetry_path.end(), is_of_a_path)) {
    throw ConfigError("--web.telemetry-path: \"" + flags.web_telemetry_path +
                      "\" is no path as requests have it; expected printable "
                      "ASCII without blanks, \"?\", \"#\" and \"%\"");
  }
  if (flags.config_check && flags.config_file.empty()) {
    throw ConfigError(
        "--config.check: there is no file to check; add --config.file=F");
  }
}

}  // namespace

CommandLine ParseCommandLine(const std::vector<std::string>& arguments) {
  CommandLine line;
  CLI::App app("Prometheus exporter for gunicorn: process table and StatsD",
               "gunicorn_exporter");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.add_flag_function(
      "--version", [](std::int64_t) { throw CLI::CallForVersion(); },
      "Print the version and exit");
  CLI::App* const check = app.add_subcommand(
      "check",
      "Look at the process table once, print what is found and exit: "
      "0 all OK, 2 any CRITICAL, 3 cannot tell");
  check->fallthrough();
  AddOtherFlags(app, line.flags);
  AddWebFlags(app, line.flags);
  AddStatsdFlags(app, line.flags);

  try {
    std::vector<std::string> reversed = SplitEmptyValues(app, arguments);
    std::reverse(reversed.begin(), reversed.end());  // As CLI11 wants them.
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    line.command = Command::kPrint;
    line.text = app.help();
    return line;
  } catch (const CLI::CallForVersion&) {
    line.command = Command::kPrint;
    line.text = std::string("gunicorn_exporter, version ") + kVersion +
                " (revision: " + kRevision + ", compiler: " + kCompiler + ")\n";
    return line;
  } catch (const CLI::ExtrasError&) {
    const std::string extra = app.remaining().front();
    throw ConfigError((extra.empty() ? "\"\"" : extra) +
                      ": unknown flag or command; see --help");
  } catch (const CLI::ParseError& error) {
    throw ConfigError(std::string(error.what()) + "; see --help");
  }
  CheckFlags(line.flags);
  if (line.flags.config_check) {
    line.command = Command::kConfigCheck;
  } else if (check->parsed()) {
    line.command = Command::kCheck;
  }
  return line;
}

}  // namespace gunicorn_exporter
