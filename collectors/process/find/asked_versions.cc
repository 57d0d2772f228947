#include "collectors/process/find/asked_versions.h"

#include <chrono>
#include <system_error>

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
  if (question_) {
    auto& [program, answer] = *question_;
    if (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      return;
    }
    versions_[program] = answer.get();
    question_.reset();
  }
  for (const auto& [key, process] : processes) {
    if (process.gunicorn.role != ProcessRole::kMaster ||
        !facts.Of(key).version.empty()) {
      continue;
    }
    const std::string program = ProgramFor(process.app, config);
    if (program.empty() || versions_.contains(program)) continue;
    try {
      question_ = {program, std::async(std::launch::async, [program] {
                     return AskVersion(program, kTimeout);
                   })};
    } catch (const std::system_error&) {  // No thread is to be had: not now.
    }
    return;
  }
}

std::string AskedVersions::Of(const AppId& app, const Config& config) const {
  const auto known = versions_.find(ProgramFor(app, config));
  return known == versions_.end() ? "" : known->second;
}

}  // namespace gunicorn_exporter
