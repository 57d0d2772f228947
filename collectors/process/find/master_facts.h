// What does not change while a gunicorn master lives: its container and the
// version of its gunicorn. Read at the first question, and remembered.
//
// Thread rule: one thread at a time. What cannot be read is empty.
#pragma once

#include <map>
#include <string>

#include "collectors/process/app_registry.h"
#include "collectors/process/read/cgroup.h"
#include "collectors/process/read/cgroup_account.h"
#include "collectors/process/read/proc_reader.h"

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

  // Drops what is remembered of processes that are gone.
  void Forget(const std::map<ProcessKey, TrackedProcess>& living);

 private:
  ProcReader& reader_;
  CgroupAccounts& cgroups_;
  std::map<ProcessKey, MasterFacts> facts_;
};

}  // namespace gunicorn_exporter
