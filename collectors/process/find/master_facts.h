// What does not change while a gunicorn master lives: its container and the
// version of its gunicorn. Read at the first question, and remembered.
//
// Where no process tells a version, the gunicorn programs that the
// configuration names are asked for it (gunicorn_version.h), each once, and
// answer to a thread of their own: they may take their time.
//
// Thread rule: one thread at a time. What cannot be read is empty.
#pragma once

#include <map>
#include <string>

#include "collectors/app_id.h"
#include "collectors/process/app_registry.h"
#include "collectors/process/find/background_answer.h"
#include "collectors/process/read/cgroup.h"
#include "collectors/process/read/cgroup_account.h"
#include "collectors/process/read/proc_reader.h"
#include "config/config.h"

namespace gunicorn_exporter {

struct MasterFacts {
  Container container;
  std::string pod_folder;  // See CgroupAccounts::PodFolder.
  std::string version;
};

class MasterFactsReader {
 public:
  // Both must outlive this.
  MasterFactsReader(ProcReader& reader, CgroupAccounts& cgroups)
      : reader_(reader), cgroups_(cgroups) {}

  // Valid until the master is forgotten.
  const MasterFacts& Of(const ProcessKey& master);

  // To be called now and then. Takes a program's answer that has come, and asks
  // the next one that a master without a version needs.
  void AskPrograms(const std::map<ProcessKey, TrackedProcess>& processes,
                   const Config& config);

  // The master's own, else its program's. Empty: not known, or not yet.
  std::string VersionOf(const ProcessKey& master, const AppId& app,
                        const Config& config);

  // All programs are asked again.
  void ForgetPrograms() { versions_.clear(); }

  // Drops what is remembered of processes that are gone.
  void Forget(const std::map<ProcessKey, TrackedProcess>& living);

 private:
  ProcReader& reader_;
  CgroupAccounts& cgroups_;
  std::map<ProcessKey, MasterFacts> facts_;
  std::map<std::string, std::string> versions_;        // By program.
  BackgroundAnswer<std::string, std::string> answer_;  // By program.
};

}  // namespace gunicorn_exporter
