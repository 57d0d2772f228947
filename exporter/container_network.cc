#include "exporter/container_network.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <system_error>

#include "config/base/address.h"

namespace gunicorn_exporter {
namespace {

bool IsLoopbackText(const std::string& text) {
  const std::optional<Address> address = ParseAddress(text);
  return address.has_value() &&
         (address->host.starts_with("127.") || address->host == "::1");
}

bool Exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

bool IsContainer(const std::filesystem::path& root) {
  if (Exists(root / ".dockerenv") || Exists(root / "run/.containerenv")) {
    return true;
  }
  std::ifstream hosts(root / "etc/hosts");
  std::string first;
  return std::getline(hosts, first) &&
         first.starts_with("# Kubernetes-managed hosts file");
}

}  // namespace

bool HearsItsContainerAlone(const std::vector<std::string>& addresses,
                            const std::filesystem::path& root) {
  const std::filesystem::path settings = root / "proc/sys/net/core";
  return !addresses.empty() &&
         std::all_of(addresses.begin(), addresses.end(), IsLoopbackText) &&
         IsContainer(root) && Exists(settings / "somaxconn") &&
         !Exists(settings / "netdev_max_backlog");
}

}  // namespace gunicorn_exporter
