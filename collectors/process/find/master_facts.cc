#include "collectors/process/find/master_facts.h"

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

const MasterFacts& MasterFactsReader::Of(const ProcessKey& master) {
  const auto [entry, is_new] = facts_.try_emplace(master);
  MasterFacts& facts = entry->second;
  if (!is_new) return facts;
  if (const auto text = reader_.Read(master.pid, "cgroup")) {
    facts.container = ParseCgroup(*text);
    facts.pod_folder = cgroups_.PodFolder(master.pid, *text);
  }
  facts.version = ReadVersion(reader_, master.pid);
  return facts;
}

void MasterFactsReader::AskPrograms(
    const std::map<ProcessKey, TrackedProcess>& processes,
    const Config& config) {
  if (auto answer = answer_.Take()) {
    versions_[answer->first] = std::move(answer->second);
  }
  if (answer_.is_awaited()) return;
  for (const auto& [key, process] : processes) {
    if (!process.IsMaster() || !Of(key).version.empty()) continue;
    const std::string program = ProgramFor(process.app, config);
    if (program.empty() || versions_.contains(program)) continue;
    answer_.Start(program, [program] { return AskVersion(program, kTimeout); });
    return;
  }
}

std::string MasterFactsReader::VersionOf(const ProcessKey& master,
                                         const AppId& app,
                                         const Config& config) {
  const MasterFacts& facts = Of(master);
  if (!facts.version.empty()) return facts.version;
  const auto told = versions_.find(ProgramFor(app, config));
  return told == versions_.end() ? "" : told->second;
}

void MasterFactsReader::Forget(
    const std::map<ProcessKey, TrackedProcess>& living) {
  std::erase_if(
      facts_, [&](const auto& entry) { return !living.contains(entry.first); });
}

}  // namespace gunicorn_exporter
