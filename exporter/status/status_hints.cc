#include "exporter/status/status_hints.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "config/base/address.h"

namespace gunicorn_exporter {
namespace {

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string Count(double number) {
  return std::to_string(std::llround(number));
}

// gunicorn takes no "[::]:8125", and "0.0.0.0" is nowhere to send to.
std::string StatsdHostFor(const std::string& address) {
  const std::optional<Address> parsed = ParseAddress(address);
  if (!parsed || (parsed->host != "::" && parsed->host != "0.0.0.0")) {
    return address;
  }
  return "HOST:" + std::to_string(parsed->port) +
         ", where HOST is a name or an IPv4 address of this exporter";
}

}  // namespace

std::string WithNotes(std::string text, const AppStatus& app) {
  for (const std::string& note : app.notes) text += " (" + note + ")";
  return text;
}

std::vector<std::string> NotesOfMachine(const ProcessView& view) {
  std::vector<std::string> notes;
  for (const UnnamedGunicorn& gunicorn : view.unnamed) {
    notes.push_back("a gunicorn runs here that has no name: pid " +
                    std::to_string(gunicorn.pid) + ", " +
                    gunicorn.command_line + "; " +
                    std::string(kInstallSetproctitle));
  }
  if (view.readable && view.processes == 0) {
    notes.emplace_back(
        "the process table holds no process at all: is --path.procfs a mount "
        "of /proc?");
  }
  if (view.others_are_hidden) {
    notes.emplace_back(
        "other users' processes cannot be seen (hidepid of /proc): give the "
        "exporter CAP_SYS_PTRACE, or the group of the mount's option gid");
  }
  if (view.apps.empty() && view.config && !view.config->discovery.enabled) {
    notes.emplace_back(
        "discovery is off: only what `instances` in the configuration names "
        "is looked for");
  }
  return notes;
}

std::string WhyNoRequests(const std::string& worker_class) {
  if (Contains(worker_class, "asgi")) {
    return "ASGI workers report requests only with access logging on: start "
           "gunicorn with --access-logfile";
  }
  if (Contains(worker_class, "uvicorn") || Contains(worker_class, "tornado")) {
    return "workers of the class " + worker_class +
           " send no request metrics; have the logs read instead (`logs` in "
           "the configuration)";
  }
  return {};
}

std::string WhyNoUnixSocket(const std::string& version) {
  constexpr int kFirstThatCan = 21;
  int major = kFirstThatCan;
  std::from_chars(version.data(), version.data() + version.size(), major);
  if (major >= kFirstThatCan) return {};
  return "gunicorn " + version +
         " does not start with a unix socket as --statsd-host, which takes 21 "
         "or later: have it send to an address of --statsd.listen-udp";
}

std::string WhyUnknown(const AppStatus& app) {
  if (app.unknown == 0) return {};
  return "it is not proven which connections are its own, so that no worker is "
         "called idle: set `bind` of its `instances` entry to the address it "
         "listens on (with `discovery: {enabled: true}`, or else apps without "
         "an entry are not watched any more), or give the exporter "
         "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH";
}

std::vector<std::string> HintsForApp(const StatusView& app,
                                     const std::string& statsd_address,
                                     double now_seconds) {
  std::vector<std::string> hints;
  const AppStatus& status = app.status;
  const bool has_requests = app.requests.value_or(0) > 0;
  hints.insert(hints.end(), status.notes.begin(), status.notes.end());
  if (!status.titled) {
    hints.emplace_back(
        "gunicorn runs without setproctitle, and was found by its command "
        "line: install the Python package setproctitle beside it");
  }
  if (std::string why = WhyUnknown(status); !why.empty()) {
    hints.push_back(std::move(why));
  }
  const std::chrono::duration<double> silence(
      now_seconds - app.last_packet_seconds.value_or(0));
  const bool is_silent = !status.statsd_socket.empty() &&
                         !app.has_lines_elsewhere && silence >= kStatsdSilence;
  if (is_silent) {
    hints.push_back(status.app.name + " has a socket to " +
                    status.statsd_socket + " and nothing has come for " +
                    std::to_string(kStatsdSilence.count()) + " minutes");
  }
  if (!has_requests && !app.has_lines_elsewhere) {
    const std::string why = WhyNoRequests(status.worker_class);
    const bool has_lines = app.last_packet_seconds.has_value();
    if (!has_lines && !is_silent && !statsd_address.empty() &&
        status.masters > 0) {
      std::string hint = "no StatsD line from " + status.app.name + " yet: ";
      const std::string no_socket = statsd_address.starts_with("unix:")
                                        ? WhyNoUnixSocket(app.version)
                                        : std::string();
      hint += no_socket.empty() ? "start gunicorn with --statsd-host " +
                                      StatsdHostFor(statsd_address)
                                : no_socket;
      hints.push_back(std::move(hint));
    }
    if (!why.empty()) {
      hints.push_back(why);
    } else if (has_lines && status.worker_class.empty() && status.masters > 0) {
      hints.emplace_back(
          "StatsD lines have come and no request: where it has answered some, "
          "its workers do not report them; uvicorn's and tornado's never do, "
          "the ASGI worker does with --access-logfile");
    }
  }
  if (!status.lines_carry.empty()) {
    hints.push_back("its StatsD lines carry " + status.lines_carry);
  }
  if (HasFullQueue(app)) {
    hints.emplace_back(
        "the listen queue is full: new connection attempts are dropped, and "
        "clients retry, until a worker is free");
  }
  return hints;
}

std::vector<std::string> HintsForAll(
    const std::vector<MetricFamily>& families) {
  std::vector<std::string> hints;
  const auto by = [&](const char* name, const char* label) {
    return SumBy(families, std::string("gunicorn_exporter_") + name, label);
  };
  for (const auto& [name, success] : by("collector_success", "collector")) {
    if (success != 0) continue;
    hints.push_back("the collector \"" + name +
                    "\" failed: its series are missing; the log says why");
  }
  const auto reload = by("config_last_reload_successful", "");
  if (!reload.empty() && reload.begin()->second == 0) {
    hints.emplace_back(
        "the last reload failed: the older configuration holds; the log says "
        "why");
  }
  for (const auto& [path, files] : by("logs_open_files", "path")) {
    if (files != 0) continue;
    hints.push_back("of the log \"" + path +
                    "\" no file is read: none is there, or none may be opened "
                    "(then this program's own log says log_file_unreadable)");
  }
  auto matched = by("logs_matched_lines_total", "path");
  for (const auto& [path, count] : by("logs_unmatched_lines_total", "path")) {
    if (count <= matched[path]) continue;
    hints.push_back(Count(count) + " lines of the log \"" + path +
                    "\" fit no known format and " + Count(matched[path]) +
                    " fit one: give the log's own format as `pattern` (access "
                    "log) or `error_pattern` (error log) of its entry; "
                    "--log.level=debug shows one line a minute");
  }
  if (by("process_read_errors_total", "reason")["permission"] > 0) {
    hints.emplace_back(
        "some files of the process table cannot be read for want of rights, "
        "so that some series are missing: give the exporter CAP_SYS_PTRACE and "
        "CAP_DAC_READ_SEARCH");
  }
  if (const double dropped = by("statsd_dropped_packets_total", "")[""];
      dropped > 0) {
    hints.push_back("the kernel has dropped " + Count(dropped) +
                    " StatsD packets: raise net.core.rmem_max and "
                    "--statsd.read-buffer");
  }
  if (const double refused =
          by("statsd_refused_series_total", "reason")["limit"];
      refused > 0) {
    hints.push_back(Count(refused) +
                    " times a series was refused: raise "
                    "statsd.max_series, or send fewer tags");
  }
  return hints;
}

}  // namespace gunicorn_exporter
