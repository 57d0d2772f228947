#include "collectors/process/find/gunicorn_settings.h"

namespace gunicorn_exporter {

std::optional<unsigned> SlotsOf(std::string_view worker_class,
                                std::optional<unsigned> threads,
                                std::optional<unsigned> connections) {
  std::optional<unsigned> slots;
  // Of several threads, sync is gthread. Other classes of one's own may do
  // anything.
  if (worker_class == "sync" || worker_class == "gthread") {
    slots = threads;
  } else if (worker_class == "gevent" || worker_class == "eventlet" ||
             worker_class == "asgi") {
    slots = connections;
  }
  return slots == 0U ? std::nullopt : slots;
}

}  // namespace gunicorn_exporter
