// GET /: one self-contained page that shows /api/v1/status, live. Its parts
// stand in exporter/status/page/; the build puts them into the program.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

extern const std::string_view kStatusPageHtml;
extern const std::string_view kStatusPageCss;
extern const std::string_view kStatusPageJs;

struct StatusPage {
  std::string html;
  // Its Content-Security-Policy: its own style and script, by their hashes, and
  // requests to its own server; nothing else.
  std::string security_policy;
};

// `telemetry_path` is where the page's link to the metrics leads.
StatusPage MakeStatusPage(std::string_view telemetry_path);

}  // namespace gunicorn_exporter
