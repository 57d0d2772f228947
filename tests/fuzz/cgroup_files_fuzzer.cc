// Whatever the files of a cgroup hold, of v1 or v2: what is told of them is in
// its range.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "collectors/process/read/cgroup_account.h"

namespace gunicorn_exporter {
namespace {

namespace fs = std::filesystem;

void Write(const std::string& path, std::string_view text) {
  std::ofstream(path) << text;
}

// A cgroup filesystem with a cgroup "/a" of both versions.
class Cgroupfs {
 public:
  Cgroupfs() {
    std::string name = fs::temp_directory_path() / "cgroup-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    root_ = name;
    fs::create_directories(v1());
    fs::create_directories(v2());
    Write(root_ + "/unified/cgroup.controllers", "cpu memory");
    Write(v2() + "/cgroup.procs", "1\n");
  }
  Cgroupfs(const Cgroupfs&) = delete;
  Cgroupfs& operator=(const Cgroupfs&) = delete;
  ~Cgroupfs() { fs::remove_all(root_); }

  const std::string& root() const { return root_; }
  std::string v1() const { return root_ + "/cpu,memory/a"; }
  std::string v2() const { return root_ + "/unified/a"; }

 private:
  std::string root_;
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
  using namespace gunicorn_exporter;
  static const Cgroupfs cgroupfs;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* const file :
       {"/cpu.cfs_quota_us", "/cpu.cfs_period_us", "/cpu.stat",
        "/memory.limit_in_bytes", "/memory.oom_control"}) {
    Write(cgroupfs.v1() + file, text);
  }
  for (const char* const file :
       {"/cpu.max", "/cpu.stat", "/memory.max", "/memory.events"}) {
    Write(cgroupfs.v2() + file, text);
  }
  CgroupAccounts accounts(cgroupfs.root());
  Check(accounts.Read(1, "4:cpu,memory:/a\n"));
  Check(accounts.Read(1, "0::/a\n"));
  return 0;
}
