// Compression of an answer (RFC 1952). Pure function, safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

std::string Gzip(std::string_view bytes);

}  // namespace gunicorn_exporter
