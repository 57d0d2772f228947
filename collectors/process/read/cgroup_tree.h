// The machine's cgroup v2 hierarchy, below --path.cgroupfs or, where v1 and v2
// are mounted side by side, in its folder "unified".
//
// A cgroup's id is the inode of its folder, which sock_diag tells of each
// socket (sock_diag.h). Everything here is readable for every user. Source:
// Documentation/admin-guide/cgroup-v2.rst, cgroups(7).
//
// /proc/PID/cgroup counts from the root of our own cgroup namespace, and says
// "/../../pod1.slice/a.scope" of a process outside of it
// (cgroup_namespaces(7)): where that root is in the mounted hierarchy is looked
// up once.
//
// Thread rule: one thread at a time. What cannot be read is "nothing".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gunicorn_exporter {

// The path of a /proc/PID/cgroup line "0::/system.slice/web.service"; nothing
// where there is no such line. Pure.
std::optional<std::string> ParseUnifiedCgroup(std::string_view text);

class CgroupTree {
 public:
  explicit CgroupTree(const std::string& cgroupfs);

  // `path` as ParseUnifiedCgroup gives it, to one from the hierarchy's root.
  std::optional<std::string> Resolve(const std::string& path);

  // The same for a process of that `path`, also where the hierarchy does not
  // hold this process: a tree of another place, whose paths then count from its
  // root. No proof of whose a socket is.
  std::optional<std::string> Locate(const std::string& path, pid_t pid);

  // Empty where no hierarchy is mounted.
  const std::string& root() const { return root_; }

  // These take a path that Resolve() gave.
  std::optional<std::uint64_t> Id(const std::string& path) const;
  // The processes of that cgroup itself; 0 is one that this process cannot see.
  std::optional<std::vector<pid_t>> Processes(const std::string& path) const;
  // Those of the cgroups below it, too.
  std::optional<std::vector<pid_t>> ProcessesBelow(
      const std::string& path) const;

 private:
  bool Holds(const std::string& path, pid_t pid) const;
  const std::optional<std::string>& NamespaceRoot();

  std::string root_;  // Empty: no v2 hierarchy is mounted.
  bool namespace_root_sought_ = false;
  std::optional<std::string> namespace_root_;
};

}  // namespace gunicorn_exporter
