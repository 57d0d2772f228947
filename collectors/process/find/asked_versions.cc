#include "collectors/process/find/asked_versions.h"

#include <chrono>
#include <utility>

#include "collectors/process/find/gunicorn_version.h"

namespace gunicorn_exporter {
namespace {

constexpr std::chrono::milliseconds kTimeout{5000};

std::string ProgramFor(const AppId& app, const Config& config) {
  for (const InstanceConfig& instance : config.instances) {
    if (instance.proc_name == app.name && !instance.gunicorn.empty()) {
      return instance.gunicorn;
    }
  }
  return config.gunicorn;
}

}  // namespace

void AskedVersions::Ask(const std::map<ProcessKey, TrackedProcess>& processes,
                        MasterFactsReader& facts, const Config& config) {
  if (auto answer = answer_.Take()) {
    versions_[answer->first] = std::move(answer->second);
  }
  if (answer_.is_awaited()) return;
  for (const auto& [key, process] : processes) {
    if (process.gunicorn.role != ProcessRole::kMaster ||
        !facts.Of(key).version.empty()) {
      continue;
    }
    const std::string program = ProgramFor(process.app, config);
    if (program.empty() || versions_.contains(program)) continue;
    answer_.Start(program, [program] { return AskVersion(program, kTimeout); });
    return;
  }
}

std::string AskedVersions::Of(const AppId& app, const Config& config) const {
  const auto known = versions_.find(ProgramFor(app, config));
  return known == versions_.end() ? "" : known->second;
}

}  // namespace gunicorn_exporter
