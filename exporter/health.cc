#include "exporter/health.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

namespace gunicorn_exporter {
namespace {

using Json = nlohmann::ordered_json;

const char* StatusName(bool ok) { return ok ? "ok" : "critical"; }

Json AppJson(const AppStatus& app) {
  Json json = {
      {"app", app.app.name},
      {"status", StatusName(app.ok)},
      {"masters", app.masters},
      {"workers", {{"idle", app.idle}, {"working", app.working}}},
      {"message", app.message},
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

HealthAnswer AnswerFor(std::vector<AppStatus> apps) {
  std::sort(apps.begin(), apps.end(),
            [](const AppStatus& left, const AppStatus& right) {
              return left.app < right.app;
            });
  bool ok = true;
  Json list = Json::array();
  for (const AppStatus& app : apps) {
    ok = ok && app.ok;
    list.push_back(AppJson(app));
  }
  return Answer(ok ? 200 : 503, {{"status", StatusName(ok)}, {"apps", list}});
}

HealthAnswer AnswerNone(int http_status, const std::string& message) {
  return Answer(http_status, {{"status", StatusName(false)},
                              {"apps", Json::array()},
                              {"message", message}});
}

}  // namespace

HealthAnswer HealthOfAll(const std::vector<AppStatus>& apps) {
  if (!apps.empty()) return AnswerFor(apps);
  return AnswerNone(503,
                    "no gunicorn is known: none is configured, none runs here, "
                    "and no StatsD line has come");
}

HealthAnswer HealthOfOne(const std::vector<AppStatus>& apps,
                         std::string_view name) {
  std::vector<AppStatus> found;
  std::copy_if(apps.begin(), apps.end(), std::back_inserter(found),
               [&](const AppStatus& app) { return app.app.name == name; });
  if (!found.empty()) return AnswerFor(std::move(found));
  return AnswerNone(404, "no app is known by the name " + std::string(name));
}

}  // namespace gunicorn_exporter
