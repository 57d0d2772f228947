// Which prefix or tag the lines of a known app carry, where it is another than
// the app's name: for the status page. The last one told of each app.
//
// Safe from any thread; the lock is held for a look into a map.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "collectors/app_id.h"

namespace gunicorn_exporter {

// For people: `the prefix "superset"`.
inline std::string CarriedPrefix(std::string_view prefix) {
  return std::string("the prefix \"").append(prefix).append("\"");
}
inline std::string CarriedTag(std::string_view app) {
  return std::string("the tag \"app:").append(app).append("\"");
}

class CarriedNames {
 public:
  // `carried` as above.
  void Tell(const AppId& app, const std::string& carried) {
    constexpr std::size_t kMost = 10000;  // Far more than there are apps.
    const std::lock_guard<std::mutex> lock(mutex_);
    if (names_.size() >= kMost) names_.clear();
    names_[app] = carried;
  }
  // Empty: none but its name. What a line told that named no container holds
  // for each of them.
  std::string Of(const AppId& app) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto found = names_.find(app);
    if (found == names_.end()) found = names_.find({app.name, "", ""});
    return found == names_.end() ? "" : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<AppId, std::string> names_;
};

}  // namespace gunicorn_exporter
