#include "exporter/status/known_apps.h"

namespace gunicorn_exporter {

KnownApps ToKnownApps(const ProcessThread::Answer& answer,
                      std::chrono::steady_clock::time_point now) {
  KnownApps known;
  const ProcessView& view = *answer.view;
  for (const AppView& app : view.apps) known.apps.push_back(app.status);
  if (!answer.is_late && view.readable) return known;
  known.trouble = answer.is_late ? "the process table does not answer: "
                                 : "the process table cannot be read: ";
  if (view.looked_at) {
    const auto age =
        std::chrono::duration_cast<std::chrono::seconds>(now - *view.looked_at);
    known.trouble +=
        "what is told of it is " + std::to_string(age.count()) + " seconds old";
  } else {
    known.trouble += "nothing is known of it yet";
  }
  return known;
}

}  // namespace gunicorn_exporter
