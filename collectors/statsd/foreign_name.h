// Names of lines that are not gunicorn's, with `unmatched: export`: what
// statsd_exporter makes of them without a mapping. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// Writes into `out`: letters, digits, "_" and ":" stay, each other character
// becomes "_", and a digit in front gets one: "my-app.orders" is my_app_orders.
void MakeForeignName(std::string_view name, std::string& out);

// A name that this program has series of itself, or could.
bool IsOwnName(std::string_view name);

}  // namespace gunicorn_exporter
