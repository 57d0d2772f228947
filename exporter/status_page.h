// GET /: one self-contained page that shows /api/v1/status, live.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// The page, built from exporter/status_page/.
std::string_view StatusPage();

// Its Content-Security-Policy: its own style and script, by their hashes, and
// requests to its own server; nothing else.
const std::string& StatusPageSecurityPolicy();

}  // namespace gunicorn_exporter
