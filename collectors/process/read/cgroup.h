// Which container a process runs in, from its /proc/PID/cgroup:
//
//     0::/kubepods.slice/.../kubepods-burstable-pod3f1c_...slice/cri-containerd-ID.scope
//     9:memory:/kubepods/burstable/pod3f1c-.../ID
//     0::/system.slice/docker-ID.scope
//     0::/../../kubepods-besteffort-pod3f1c_...slice/cri-containerd-ID.scope
//
// cgroup v1, v2 and hybrid; systemd and cgroupfs drivers; containerd, CRI-O,
// docker, podman. ID is 64 hexadecimal digits (Amazon's Fargate: 32 and a
// number). Of nested containers, the innermost. Source: cgroups(7) and the
// runtimes' naming of their cgroups.
//
// Pure functions, safe from any thread.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace gunicorn_exporter {

// Empty fields where the process is in none, or its cgroup namespace hides it.
struct Container {
  std::string pod_uid;  // With dashes: "3f1c2a44-0000-4000-8000-1234567890ab".
  std::string container_id;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads <=> as a 0.
  auto operator<=>(const Container&) const = default;
};

Container ParseCgroup(std::string_view text);

// The cgroup of the pod that a cgroup's path leads through; empty where it is
// in none: "/kubepods.slice/kubepods-pod3f1c_...slice" of the first above.
std::string PodCgroup(std::string_view path);

}  // namespace gunicorn_exporter
