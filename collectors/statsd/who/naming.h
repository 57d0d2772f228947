// What the receivers need to know to name a line's app: made anew whenever the
// configuration or the known apps change.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/app_id.h"
#include "config/config.h"

namespace gunicorn_exporter {

struct Naming {
  // statsd_prefix of the instances, without dots at its end.
  std::map<std::string, std::string, std::less<>> app_of_prefix;
  // Of the apps configured or discovered.
  std::set<std::string, std::less<>> known_names;
  // The only app known, where there is exactly one.
  std::optional<AppId> only_app;
  std::string default_app;              // "unknown" where none is configured.
  std::vector<std::string> tag_labels;  // Keys of tags, as they are sent.
  bool export_unmatched = false;
};

// Without the dots at its end, which gunicorn replaces with one of its own.
std::string_view WithoutLastDots(std::string_view prefix);

// `known`: the apps configured or discovered.
Naming MakeNaming(const Config& config, const std::vector<AppId>& known);

}  // namespace gunicorn_exporter
