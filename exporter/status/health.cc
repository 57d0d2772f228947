#include "exporter/status/health.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "exporter/status/status_hints.h"

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::ordered_json;

const char* StatusName(bool ok) { return ok ? "ok" : "critical"; }

Json AppJson(const AppStatus& app) {
  Json json = {
      {"app", app.app.name},
      {"status", StatusName(app.ok)},
      {"masters", app.masters},
      {"workers",
       {{"idle", app.idle},
        {"working", app.working},
        {"unknown", app.unknown}}},
      {"message", WithNotes(app.message, app)},
  };
  if (!app.app.pod_uid.empty()) json["pod_uid"] = app.app.pod_uid;
  if (!app.app.container_id.empty()) {
    json["container_id"] = app.app.container_id;
  }
  return json;
}

HealthAnswer Answer(int http_status, const Json& json) {
  // A name that is not UTF-8 becomes valid here: the answer always is JSON.
  return {http_status,
          json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HealthAnswer AnswerNone(int http_status, const std::string& message) {
  return Answer(http_status, {{"status", StatusName(false)},
                              {"apps", Json::array()},
                              {"message", message}});
}

HealthAnswer AnswerFor(std::vector<AppStatus> apps,
                       const std::string& trouble) {
  std::sort(apps.begin(), apps.end(),
            [](const AppStatus& left, const AppStatus& right) {
              return left.app < right.app;
            });
  bool ok = trouble.empty();
  Json list = Json::array();
  for (const AppStatus& app : apps) {
    ok = ok && app.ok;
    list.push_back(AppJson(app));
  }
  Json json = {{"status", StatusName(ok)}, {"apps", list}};
  if (!trouble.empty()) json["message"] = trouble;
  return Answer(ok ? 200 : 503, json);
}

}  // namespace

HealthAnswer HealthOfAll(const KnownApps& known) {
  if (!known.apps.empty()) return AnswerFor(known.apps, known.trouble);
  if (!known.trouble.empty()) return AnswerNone(503, known.trouble);
  std::string message = "no gunicorn is known: none is configured";
  if (known.notes.empty()) message += ", and none runs here";
  for (const std::string& note : known.notes) message += "; " + note;
  return AnswerNone(503, message);
}

HealthAnswer HealthOfOne(const KnownApps& known, std::string_view name) {
  std::vector<AppStatus> found;
  std::copy_if(known.apps.begin(), known.apps.end(), std::back_inserter(found),
               [&](const AppStatus& app) { return app.app.name == name; });
  if (!found.empty()) return AnswerFor(std::move(found), known.trouble);
  std::string message = "no app is known by the name " + std::string(name);
  if (!known.trouble.empty()) message += ": " + known.trouble;
  for (const std::string& note : known.notes) message += "; " + note;
  return AnswerNone(404, message);
}

KnownApps ToKnownApps(const ProcessThread::Answer& answer,
                      std::chrono::steady_clock::time_point now) {
  KnownApps known;
  const ProcessView& view = *answer.view;
  for (const AppView& app : view.apps) known.apps.push_back(app.status);
  known.notes = NotesOfMachine(view);
  known.others_are_hidden = view.others_are_hidden;
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
