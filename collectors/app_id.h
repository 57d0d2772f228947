// Which gunicorn app a number belongs to.
#pragma once

#include <compare>
#include <string>

namespace gunicorn_exporter {

// The name alone, unless `process.pod_labels` is on: then masters of one name
// in several containers are several apps. Both container fields are empty where
// they are not known or not asked for.
struct AppId {
  std::string name;
  std::string pod_uid;
  std::string container_id;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const AppId&) const = default;
};

}  // namespace gunicorn_exporter
