// Whether StatsD is received where only the own container or pod can send to.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gunicorn_exporter {

// True where this is a container in a network namespace that is not the
// machine's, and all of `addresses` ("127.0.0.1:8125") are loopback ones: those
// that StatsD is received at. False where that cannot be told, and where there
// is none of them.
//
// A container is told by what its runtime leaves: /.dockerenv (Docker),
// /run/.containerenv (Podman, CRI-O), the first words of /etc/hosts
// (Kubernetes). The machine's namespace is told by a setting that the kernel
// shows in no other: net.core.netdev_max_backlog (net/core/sysctl_net_core.c).
//
// `root`: where these files are looked for.
bool HearsItsContainerAlone(const std::vector<std::string>& addresses,
                            const std::filesystem::path& root = "/");

}  // namespace gunicorn_exporter
