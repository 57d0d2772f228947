#include "collectors/process/read/cgroup_account.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "collectors/process/read/cgroup.h"
#include "collectors/process/read/text_fields.h"
#include "config/base/number.h"

namespace gunicorn_exporter {
namespace {

// v1 has no word for "no limit": it is the highest number of whole pages.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "50000 100000": the number at the front. Nothing for "max" and no file.
std::optional<std::uint64_t> ReadNumber(const std::string& path) {
  const std::string text = ReadFile(path);
  std::string_view rest = text;
  return ParseNumber<std::uint64_t>(NextField(rest));
}

// Of lines "nr_throttled 3", by "nr_throttled ".
std::optional<std::uint64_t> ReadCount(const std::string& path,
                                       std::string_view key) {
  const std::string text = ReadFile(path);
  const auto count = FindLine(text, key);
  return count ? ParseNumber<std::uint64_t>(*count) : std::nullopt;
}

std::optional<double> ReadCores(const std::string& cgroup, bool is_v1) {
  std::optional<std::uint64_t> quota;
  std::optional<std::uint64_t> period;
  if (is_v1) {  // Whose word for "no limit" is -1.
    quota = ReadNumber(cgroup + "/cpu.cfs_quota_us");
    period = ReadNumber(cgroup + "/cpu.cfs_period_us");
  } else {
    const std::string text = ReadFile(cgroup + "/cpu.max");
    std::string_view rest = text;
    quota = ParseNumber<std::uint64_t>(NextField(rest));
    period = ParseNumber<std::uint64_t>(NextField(rest));
  }
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<CgroupAccount::CpuQuota> ReadCpu(const std::string& folder,
                                               std::string path, bool is_v1) {
  for (; !path.empty(); path.erase(path.rfind('/'))) {
    const auto cores = ReadCores(folder + path, is_v1);
    if (!cores) continue;
    const std::string stat = folder + path + "/cpu.stat";
    // v1 has nanoseconds.
    const std::uint64_t throttled =
        is_v1 ? ReadCount(stat, "throttled_time ").value_or(0) / 1000
              : ReadCount(stat, "throttled_usec ").value_or(0);
    return CgroupAccount::CpuQuota{path, *cores, throttled};
  }
  return std::nullopt;
}

std::optional<CgroupAccount::MemoryLimit> ReadMemory(const std::string& folder,
                                                     std::string path,
                                                     bool is_v1) {
  const std::string file = is_v1 ? "/memory.limit_in_bytes" : "/memory.max";
  for (; !path.empty(); path.erase(path.rfind('/'))) {
    std::string name = folder;
    name += path;
    name += file;
    const auto bytes = ReadNumber(name);
    if (bytes && *bytes < kNoLimit) {
      return CgroupAccount::MemoryLimit{path, *bytes};
    }
  }
  return std::nullopt;
}

bool HasController(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    if (NextPart(controllers, ',') == wanted) return true;
  }
  return false;
}

}  // namespace

std::optional<CgroupAccounts::Place> CgroupAccounts::Find(
    pid_t pid, std::string_view text, std::string_view controller) {
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view path = NextLine(rest);
    NextPart(path, ':');  // The hierarchy's number.
    const std::string_view controllers = NextPart(path, ':');
    if (!HasController(controllers, controller)) continue;
    if (path.size() < 2 || path.starts_with("/..")) return std::nullopt;
    return Place{cgroupfs_ + "/" + std::string(controllers), std::string(path),
                 true};
  }
  const auto unified = ParseUnifiedCgroup(text);
  const auto path = unified ? tree_.Locate(*unified, pid) : std::nullopt;
  if (!path || path->empty()) return std::nullopt;
  return Place{tree_.root(), *path, false};
}

CgroupAccount CgroupAccounts::Read(pid_t pid, std::string_view text) {
  CgroupAccount account;
  if (const auto place = Find(pid, text, "cpu")) {
    account.cpu = ReadCpu(place->folder, place->path, place->is_v1);
  }
  if (const auto place = Find(pid, text, "memory")) {
    account.memory = ReadMemory(place->folder, place->path, place->is_v1);
    const auto kills =
        ReadCount(place->folder + place->path +
                      (place->is_v1 ? "/memory.oom_control" : "/memory.events"),
                  "oom_kill ");
    if (kills) account.oom_kills = {place->path, *kills};
  }
  return account;
}

std::string CgroupAccounts::PodFolder(pid_t pid, std::string_view text) {
  const auto place = Find(pid, text, "memory");
  if (!place) return {};
  const std::string pod = PodCgroup(place->path);
  std::error_code error;
  if (pod.empty() || !std::filesystem::exists(place->folder + pod, error)) {
    return {};
  }
  return place->folder + pod;
}

}  // namespace gunicorn_exporter
