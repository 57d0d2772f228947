#include "collectors/process/read/hidden_processes.h"

#include <linux/capability.h>
#include <sys/sysmacros.h>

#include <string>

#include "collectors/process/read/proc_parse.h"
#include "collectors/process/read/text_fields.h"

namespace gunicorn_exporter {
namespace {

// The value of one of "rw,gid=4,hidepid=invisible"; empty where it is not
// there.
std::string_view FindOption(std::string_view options, std::string_view name) {
  while (!options.empty()) {
    const std::string_view option = NextPart(options, ',');
    if (option.starts_with(name)) return option.substr(name.size());
  }
  return {};
}

// What the file system that has this device was mounted with.
std::string_view FindMountOptions(std::string_view mountinfo, dev_t device) {
  const std::string number =
      std::to_string(major(device)) + ":" + std::to_string(minor(device));
  while (!mountinfo.empty()) {
    std::string_view line = NextLine(mountinfo);
    NextField(line);
    NextField(line);
    const auto end = line.find(" - ");
    if (NextField(line) != number || end == std::string_view::npos) continue;
    line.remove_prefix(line.find(" - ") + 3);
    NextField(line);
    NextField(line);
    return NextField(line);
  }
  return {};
}

bool IsInGroup(std::string_view status, std::string_view gid) {
  for (const char* key : {"Gid:", "Groups:"}) {
    std::string_view groups = FindLine(status, key).value_or("");
    while (!groups.empty()) {
      if (NextField(groups) == gid) return true;
    }
  }
  return false;
}

bool MayTrace(std::string_view status) {
  std::string_view sets = FindLine(status, "CapEff:").value_or("");
  return (ParseHex(NextField(sets)).value_or(0) >> CAP_SYS_PTRACE & 1) != 0;
}

}  // namespace

bool HidesProcesses(std::string_view mountinfo, dev_t device,
                    std::string_view status) {
  const std::string_view options = FindMountOptions(mountinfo, device);
  const std::string_view hidepid = FindOption(options, "hidepid=");
  if (hidepid.empty() || hidepid == "0" || hidepid == "off") return false;
  if (MayTrace(status)) return false;
  if (hidepid == "4" || hidepid == "ptraceable") return true;
  const std::string_view gid = FindOption(options, "gid=");
  return !IsInGroup(status, gid.empty() ? "0" : gid);
}

}  // namespace gunicorn_exporter
