#include "collectors/process/read/cgroup_account.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

class CgroupAccountsTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = dir_ / path;
    std::filesystem::create_directories(file.parent_path());
    WriteFile(file, text);
  }
  // A v2 hierarchy, which holds this process where its own table says.
  void MakeUnified() {
    Write("cgroup.controllers", "cpu memory");
    std::ifstream own("/proc/self/cgroup");
    const std::string text(std::istreambuf_iterator<char>(own), {});
    const auto path = ParseUnifiedCgroup(text);
    if (!path) GTEST_SKIP() << "needs a kernel with cgroup v2";
    Write("." + *path + "/cgroup.procs", std::to_string(getpid()) + "\n");
  }
  CgroupAccount Read(const std::string& text) {
    return CgroupAccounts(dir_ / ".").Read(kPid, text);
  }

  static constexpr pid_t kPid = 10;

  TempDir dir_;
};

TEST_F(CgroupAccountsTest, ReadsV2) {
  MakeUnified();
  Write("a.slice/b.scope/cpu.max", "150000 100000\n");
  Write("a.slice/b.scope/cpu.stat",
        "usage_usec 9\nnr_throttled 3\nthrottled_usec 2500000\n");
  Write("a.slice/b.scope/memory.max", "268435456\n");
  Write("a.slice/b.scope/memory.events", "oom 4\noom_kill 2\n");
  const CgroupAccount account = Read("0::/a.slice/b.scope\n");
  ASSERT_TRUE(account.cpu && account.memory && account.oom_kills);
  EXPECT_EQ(account.cpu->cores, 1.5);
  EXPECT_EQ(account.cpu->throttled_microseconds, 2500000U);
  EXPECT_EQ(account.cpu->cgroup, "/a.slice/b.scope");
  EXPECT_EQ(account.memory->bytes, 268435456U);
  EXPECT_EQ(account.oom_kills->count, 2U);
}

TEST_F(CgroupAccountsTest, ReadsATreeThatDoesNotHoldThisProcess) {
  Write("cgroup.controllers", "cpu memory");
  Write("a.scope/memory.max", "1000\n");
  Write("b.scope/memory.max", "2000\n");
  for (const char* procs : {"9\n10\n", "0\n"}) {
    Write("a.scope/cgroup.procs", procs);
    const CgroupAccount account = Read("0::/a.scope\n");
    ASSERT_TRUE(account.memory) << procs;
    EXPECT_EQ(account.memory->cgroup, "/a.scope");
  }
  Write("a.scope/cgroup.procs", "9\n");
  EXPECT_FALSE(Read("0::/a.scope\n").memory) << "another of this name";
  EXPECT_TRUE(Read("0::/b.scope\n").memory) << "whose it is cannot be read";
  EXPECT_FALSE(Read("0::/../b.scope\n").memory);
  EXPECT_FALSE(Read("0::/c.scope\n").memory);
  const std::string pod = "/kubepods/pod12345678-1234-1234-1234-123456789abc";
  Write("." + pod + "/1/memory.max", "max\n");
  EXPECT_EQ(CgroupAccounts(dir_ / ".").PodFolder(kPid, "0::" + pod + "/1\n"),
            dir_ / "." + pod);
}

TEST_F(CgroupAccountsTest, TakesTheNearestLimitUpward) {
  MakeUnified();
  Write("a.slice/cpu.max", "50000 100000\n");
  Write("a.slice/cpu.stat", "throttled_usec 7\n");
  Write("a.slice/memory.max", "1000\n");
  Write("a.slice/memory.events", "oom_kill 5\n");
  Write("a.slice/b.scope/cpu.max", "max 100000\n");
  Write("a.slice/b.scope/cpu.stat", "throttled_usec 1\n");
  Write("a.slice/b.scope/memory.max", "max\n");
  const CgroupAccount account = Read("0::/a.slice/b.scope\n");
  ASSERT_TRUE(account.cpu && account.memory);
  EXPECT_EQ(account.cpu->cgroup, "/a.slice");
  EXPECT_EQ(account.cpu->cores, 0.5);
  EXPECT_EQ(account.cpu->throttled_microseconds, 7U);
  EXPECT_EQ(account.memory->cgroup, "/a.slice");
  EXPECT_FALSE(account.oom_kills) << "they are not the app's cgroup's";
}

TEST_F(CgroupAccountsTest, HasNothingWhereThereIsNoLimit) {
  MakeUnified();
  Write("a.scope/cpu.max", "max 100000\n");
  Write("a.scope/memory.max", "max\n");
  for (const char* text : {"0::/a.scope\n", "0::/\n", "", "nonsense"}) {
    const CgroupAccount account = Read(text);
    EXPECT_FALSE(account.cpu || account.memory) << text;
  }
}

TEST_F(CgroupAccountsTest, ReadsV1) {
  Write("cpu,cpuacct/web/cpu.cfs_quota_us", "200000\n");
  Write("cpu,cpuacct/web/cpu.cfs_period_us", "100000\n");
  Write("cpu,cpuacct/web/cpu.stat", "nr_throttled 3\nthrottled_time 5000000\n");
  Write("memory/web/memory.limit_in_bytes", "1048576\n");
  Write("memory/web/memory.oom_control", "oom_kill_disable 0\noom_kill 3\n");
  const CgroupAccount account =
      Read("9:memory:/web\n4:cpu,cpuacct:/web\n1:name=systemd:/web\n0::/web\n");
  ASSERT_TRUE(account.cpu && account.memory && account.oom_kills);
  EXPECT_EQ(account.cpu->cores, 2);
  EXPECT_EQ(account.cpu->throttled_microseconds, 5000U);
  EXPECT_EQ(account.memory->bytes, 1048576U);
  EXPECT_EQ(account.oom_kills->count, 3U);
}

TEST_F(CgroupAccountsTest, FindsThePodsFolder) {
  MakeUnified();
  const std::string pod =
      "kubepods.slice/kubepods-pod3f1c2a44_0000_4000_8000_1234567890ab.slice";
  const std::string text = "0::/" + pod + "/cri-containerd-1.scope\n";
  EXPECT_EQ(CgroupAccounts(dir_ / ".").PodFolder(kPid, text), "")
      << "its folder is not to be seen";
  Write(pod + "/memory.max", "max\n");
  EXPECT_EQ(CgroupAccounts(dir_ / ".").PodFolder(kPid, text),
            dir_ / "." + "/" + pod);
  EXPECT_EQ(CgroupAccounts(dir_ / ".").PodFolder(kPid, "0::/system.slice\n"),
            "");
}

TEST_F(CgroupAccountsTest, KnowsWhatV1CallsNoLimit) {
  Write("cpu/web/cpu.cfs_quota_us", "-1\n");
  Write("cpu/web/cpu.cfs_period_us", "100000\n");
  Write("memory/web/memory.limit_in_bytes", "9223372036854771712\n");
  const CgroupAccount account = Read("9:memory:/web\n4:cpu:/web\n");
  EXPECT_FALSE(account.cpu || account.memory);
}

}  // namespace
}  // namespace gunicorn_exporter
