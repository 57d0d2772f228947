// An app as health, page and `check` see it: all is well.
#pragma once

#include <string>

#include "collectors/app_status.h"

namespace gunicorn_exporter {

inline AppStatus RunningApp(const std::string& name) {
  AppStatus app;
  app.app.name = name;
  app.ok = true;
  app.masters = 1;
  app.idle = 3;
  app.working = 1;
  app.message = name + ": 1 master, 3 idle and 1 working workers";
  return app;
}

}  // namespace gunicorn_exporter
