#include "collectors/process/find/master_facts.h"

#include "collectors/process/find/gunicorn_version.h"

namespace gunicorn_exporter {

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

void MasterFactsReader::Forget(
    const std::map<ProcessKey, TrackedProcess>& living) {
  std::erase_if(
      facts_, [&](const auto& entry) { return !living.contains(entry.first); });
}

}  // namespace gunicorn_exporter
