#include "collectors/process/sockets/listener_evidence.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gunicorn_exporter {

std::optional<AppId> ListenerEvidence::OwnerOf(std::uint64_t listener) const {
  const auto file = files_.find(listener);
  return file == files_.end() ? std::nullopt : file->second.owner;
}

void ListenerEvidence::See(std::uint64_t listener,
                           std::set<std::uint64_t> accepted,
                           const std::set<AppId>& suspects,
                           const std::function<bool(const AppId&)>& ran) {
  const auto [entry, is_first] = files_.try_emplace(listener);
  File& file = entry->second;
  const std::set<std::uint64_t> before =
      std::exchange(file.accepted, std::move(accepted));
  if (is_first || std::includes(before.begin(), before.end(),
                                file.accepted.begin(), file.accepted.end())) {
    return;
  }
  ++file.looks;
  std::set<AppId> left;
  for (const AppId& app : suspects) {
    if (!file.cleared.contains(app) && !ran(app)) file.cleared.insert(app);
    if (!file.cleared.contains(app)) left.insert(app);
  }
  if (left.empty() || (file.owner && !left.contains(*file.owner))) {
    file = {std::move(file.accepted), {}, 0, {}};
  } else if (!file.owner && left.size() == 1 && file.looks >= kLooks) {
    file.owner = *left.begin();
  }
}

void ListenerEvidence::Keep(const std::set<std::uint64_t>& listeners) {
  std::erase_if(files_, [&](const auto& entry) {
    return !listeners.contains(entry.first);
  });
}

}  // namespace gunicorn_exporter
