// Whatever the files of a cgroup hold, of v1 or v2: what is told of them is in
// its range.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "collectors/process/read/cgroup_account.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

// A cgroup filesystem with a cgroup "/a" of both versions.
struct Cgroupfs {
  Cgroupfs() {
    std::filesystem::create_directories(v1);
    std::filesystem::create_directories(v2);
    WriteFile(root / "unified/cgroup.controllers", "cpu memory");
    WriteFile(v2 + "/cgroup.procs", "1\n");
  }

  const TempDir root;
  const std::string v1 = root / "cpu,memory/a";
  const std::string v2 = root / "unified/a";
};

void Check(const CgroupAccount& account) {
  if (account.cpu &&
      (!std::isfinite(account.cpu->cores) || account.cpu->cores <= 0)) {
    std::abort();
  }
  if (account.memory && account.memory->bytes >= std::uint64_t{1} << 62) {
    std::abort();
  }
}

}  // namespace
}  // namespace gunicorn_exporter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace gunicorn_exporter;  // NOLINT(google-build-using-namespace)
  static const Cgroupfs cgroupfs;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* const file :
       {"/cpu.cfs_quota_us", "/cpu.cfs_period_us", "/cpu.stat",
        "/memory.limit_in_bytes", "/memory.oom_control"}) {
    WriteFile(cgroupfs.v1 + file, text);
  }
  for (const char* const file :
       {"/cpu.max", "/cpu.stat", "/memory.max", "/memory.events"}) {
    WriteFile(cgroupfs.v2 + file, text);
  }
  CgroupAccounts accounts(cgroupfs.root / "");
  Check(accounts.Read(1, "4:cpu,memory:/a\n"));
  Check(accounts.Read(1, "0::/a\n"));
  return 0;
}
