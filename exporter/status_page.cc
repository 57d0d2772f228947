#include "exporter/status_page.h"

namespace gunicorn_exporter {

std::string_view StatusPage() {
  return "<!doctype html><html lang=\"en\"><title>gunicorn_exporter</title>"
         "<h1>gunicorn_exporter</h1><p><a href=\"metrics\">Metrics</a> "
         "<a href=\"health\">Health</a></html>\n";
}

const std::string& StatusPageSecurityPolicy() {
  static const std::string policy = "default-src 'none'";
  return policy;
}

}  // namespace gunicorn_exporter
