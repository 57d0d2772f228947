// Which cgroups, pods and users of this machine hold one app's processes alone?
// What such a cgroup, pod or user has made is the app's, although no descriptor
// may be read.
//
// An app's processes are its gunicorn's and their descendants. Those of its
// master's ancestors that only started it, shells and the like, do not count,
// nor does the "pause" of a pod. Everything that is read here is readable for
// every user.
//
// Costs: a cgroup.procs for each gunicorn's cgroup, once a sample; for users a
// look at the whole process table where nothing else answers, now and then and
// for new senders of datagrams.
//
// Thread rule: one thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "collectors/process/app_registry.h"
#include "collectors/process/read/cgroup_tree.h"
#include "collectors/process/read/proc_reader.h"

namespace gunicorn_exporter {

class SoleOwners {
 public:
  // `reader` must outlive this.
  SoleOwners(ProcReader& reader, const std::string& cgroupfs)
      : reader_(reader), cgroups_(cgroupfs) {}

  // To be called before each sample, and whenever the processes changed, which
  // changes `generation`. `processes` is used until the next call.
  void Update(const std::map<ProcessKey, TrackedProcess>& processes,
              std::uint64_t generation);

  // The next answer of OfUser is of the process table as it is by then.
  void ForgetUsers() { by_user_.reset(); }

  // The app whose processes alone are in the cgroup of this id, and one of
  // whose masters is.
  std::optional<AppId> OfCgroup(std::uint64_t id);

  // The ids of the cgroups of this app's masters, where each is the app's
  // alone.
  std::set<std::uint64_t> CgroupsOf(const AppId& app);

  // Whether the pod of this app's master holds no other app and nothing else,
  // and has a network namespace of its own.
  bool HasPodAlone(const AppId& app);

  // The app whose processes alone run as this user. Never root's.
  std::optional<AppId> OfUser(uid_t user);

 private:
  // What is remembered of a master.
  struct Home {
    std::optional<std::string> cgroup;  // A path of CgroupTree.
    std::optional<uid_t> user;
    std::set<pid_t> starters;  // Ancestors that only started it.
  };

  const Home& HomeOf(const ProcessKey& master);
  bool IsOf(const AppId& app, pid_t pid);
  bool AreOf(const AppId& app, const std::vector<pid_t>& pids);
  void FindUsers();

  ProcReader& reader_;
  CgroupTree cgroups_;
  const std::map<ProcessKey, TrackedProcess>* processes_ = nullptr;
  std::optional<std::uint64_t> generation_;
  std::map<ProcessKey, Home> homes_;
  // By id, of this sample; nothing: of several.
  std::optional<std::map<std::uint64_t, std::optional<AppId>>> by_cgroup_;
  std::optional<std::map<uid_t, std::optional<AppId>>> by_user_;
  int samples_left_ = 0;  // Until homes and users are looked up anew.
};

}  // namespace gunicorn_exporter
