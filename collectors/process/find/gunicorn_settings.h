// Settings of a gunicorn that bound what its workers do, whoever tells them.
//
// Pure functions, safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gunicorn_exporter {

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

}  // namespace gunicorn_exporter
