#include "collectors/process/read/cgroup_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "collectors/process/read/text_fields.h"

namespace gunicorn_exporter {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUp = "/..";

bool IsHierarchy(const std::string& folder) {
  std::error_code error;
  return fs::exists(folder + "/cgroup.controllers", error);
}

}  // namespace

std::optional<std::string> ParseUnifiedCgroup(std::string_view text) {
  const auto path = FindLine(text, "0::");
  if (!path || !path->starts_with('/')) return std::nullopt;
  return std::string(*path);
}

CgroupTree::CgroupTree(const std::string& cgroupfs) {
  for (const std::string& folder : {cgroupfs, cgroupfs + "/unified"}) {
    if (root_.empty() && IsHierarchy(folder)) root_ = folder;
  }
}

std::optional<std::string> CgroupTree::Resolve(const std::string& path) {
  if (root_.empty() || !NamespaceRoot()) return std::nullopt;
  std::string base = *NamespaceRoot();
  std::string_view rest = path;
  while (rest.starts_with(kUp)) {
    if (base.empty()) return std::nullopt;
    base.erase(base.rfind('/'));
    rest.remove_prefix(kUp.size());
  }
  return rest == "/" ? base : base + std::string(rest);
}

std::optional<std::string> CgroupTree::Locate(const std::string& path,
                                              pid_t pid) {
  if (root_.empty() || NamespaceRoot()) return Resolve(path);
  if (path == "/" || path.starts_with(kUp) || !Id(path)) return std::nullopt;
  const auto pids = Processes(path);
  const bool may_hold =
      !pids || std::any_of(pids->begin(), pids->end(), [&](pid_t held) {
        return held == pid || held == 0;
      });
  return may_hold ? std::optional(path) : std::nullopt;
}

bool CgroupTree::Holds(const std::string& path, pid_t pid) const {
  const auto pids = Processes(path);
  return pids && std::find(pids->begin(), pids->end(), pid) != pids->end();
}

const std::optional<std::string>& CgroupTree::NamespaceRoot() {
  if (std::exchange(namespace_root_sought_, true)) return namespace_root_;
  std::ifstream file("/proc/self/cgroup");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto own = ParseUnifiedCgroup(text);
  if (!own) return namespace_root_;
  const std::string shown = *own == "/" ? "" : *own;
  if (Holds(shown, getpid())) return namespace_root_ = "";
  std::error_code error;
  for (fs::recursive_directory_iterator
           folder(root_, fs::directory_options::skip_permission_denied, error),
       end;
       !error && folder != end; folder.increment(error)) {
    const std::string path = folder->path().string().substr(root_.size());
    if (folder->is_directory(error) && path.ends_with(shown) &&
        Holds(path, getpid())) {
      namespace_root_ = path.substr(0, path.size() - shown.size());
      break;
    }
  }
  return namespace_root_;
}

std::optional<std::uint64_t> CgroupTree::Id(const std::string& path) const {
  struct stat status {};
  if (stat((root_ + path).c_str(), &status) != 0) return std::nullopt;
  return status.st_ino;
}

std::optional<std::vector<pid_t>> CgroupTree::Processes(
    const std::string& path) const {
  std::ifstream file(root_ + path + "/cgroup.procs");
  if (!file) return std::nullopt;
  std::vector<pid_t> pids;
  pid_t pid = 0;
  while (file >> pid) pids.push_back(pid);
  // Of a cgroup of threads the file opens, and cannot be read.
  if (!file.eof() || file.bad()) return std::nullopt;
  return pids;
}

std::optional<std::vector<pid_t>> CgroupTree::ProcessesBelow(
    const std::string& path) const {
  auto pids = Processes(path);
  if (!pids) return std::nullopt;
  std::error_code error;
  for (fs::directory_iterator folder(root_ + path, error), end;
       !error && folder != end; folder.increment(error)) {
    if (!folder->is_directory(error)) continue;
    const auto below =
        ProcessesBelow(folder->path().string().substr(root_.size()));
    if (!below) return std::nullopt;
    pids->insert(pids->end(), below->begin(), below->end());
  }
  if (error) return std::nullopt;
  return pids;
}

}  // namespace gunicorn_exporter
