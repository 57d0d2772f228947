// A gunicorn without setproctitle, told by its command line:
//
//     python3 /usr/bin/gunicorn --name my_app -w 3 app:app
//     /opt/app/bin/python -m gunicorn -c gunicorn.conf.py app:app
//     python3 /usr/bin/gunicorn-3.11 --nam my_app --proxy-protocol v2 --
//     app:app
//
// Read as argparse does it, by the options of gunicorn 20 to 26.
//
// Pure functions, safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gunicorn_exporter {

// Settings that bound what a gunicorn's workers do, whoever tells them.
struct GunicornSettings {
  std::string worker_class;  // "gthread"; empty: not told.
  // How many requests one worker can have in hand; see SlotsOf.
  std::optional<unsigned> slots;
  // After so long without a heartbeat the master kills a worker; 0: never.
  std::optional<unsigned> timeout_seconds;
};

// --threads, or --worker-connections of gevent, eventlet and asgi. Nothing for
// other classes, and where what is asked for was not told or is 0.
std::optional<unsigned> SlotsOf(std::string_view worker_class,
                                std::optional<unsigned> threads,
                                std::optional<unsigned> connections);

struct GunicornCommand {
  // --name, -n; else that of GUNICORN_CMD_ARGS; else gunicorn's own default:
  // the app's import path ("app:app"), or "gunicorn" where there is none. A
  // name that a configuration file sets is not known here.
  std::string name;
  // As far as the arguments tell them. Slots without a worker class are those
  // of gunicorn's own, sync: right where no gunicorn.conf.py is in its folder.
  GunicornSettings settings;
  bool dirty = false;  // --dirty-app: one child is a dirty arbiter.
  bool named = false;  // --name was said; else it is the default.
};

// `cmdline` as read, arguments ended by NULs. Nothing when this is not a
// gunicorn that serves: another program, or `gunicorn --version`,
// `--check-config`, `--print-config`, `--help`. `environ` is /proc/PID/environ
// as read, or empty: the command line overrides its GUNICORN_CMD_ARGS.
std::optional<GunicornCommand> ParseGunicornCommand(
    std::string_view cmdline, std::string_view environ = {});

}  // namespace gunicorn_exporter
