// Names of lines that are not gunicorn's, with `unmatched: export`: what
// statsd_exporter makes of them without a mapping. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// Writes into `out`: letters, digits, "_" and ":" stay, each other character
// becomes "_", and a digit in front gets one: "my-app.orders" is my_app_orders.
// Tags within the name (InfluxDB's "a,tag=v", Librato's "a#tag=v", SignalFX's
// "a[tag=v]") are no part of it; it may be empty without them.
void MakeForeignName(std::string_view name, std::string& out);

// A name that this program has series of itself, or could.
bool IsOwnName(std::string_view name);

}  // namespace gunicorn_exporter
