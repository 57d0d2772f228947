#include "collectors/process/sockets/sole_owners.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "collectors/process/process_monitor.h"
#include "tests/support/fake_proc.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

constexpr const char* kPod =
    "/kubepods.slice/kubepods-pod3f1c2a44_0000_4000_8000_1234567890ab.slice";

class SoleOwnersTest : public testing::Test {
 protected:
  SoleOwnersTest() {
    // As outside of any cgroup namespace.
    SetMembers("", {getpid()});
    WriteFile(root_ + "/cgroup.controllers", "cpu\n");
  }

  void SetMembers(const std::string& cgroup, const std::vector<pid_t>& pids) {
    const std::string folder = root_ + cgroup;
    std::filesystem::create_directories(folder);
    std::ofstream file(folder + "/cgroup.procs");
    for (const pid_t pid : pids) file << pid << "\n";
  }

  void AddApp(pid_t pid, const std::string& name, const std::string& cgroup,
              pid_t parent = 1, uid_t uid = 33) {
    FakeProcess process;
    process.files["cgroup"] = "0::" + cgroup + "\n";
    process.files["status"] = "Uid:\t0\t" + std::to_string(uid) + "\t0\t0\n";
    proc_.SetTitled(pid, parent, "gunicorn: master [" + name + "]", process);
    proc_.SetTitled(pid + 1, pid, "gunicorn: worker [" + name + "]", process);
  }

  void AddProgram(pid_t pid, pid_t parent, const std::string& name,
                  uid_t uid = 0) {
    FakeProcess process;
    process.files["status"] = "Uid:\t0\t" + std::to_string(uid) + "\t0\t0\n";
    proc_.SetCommand(pid, parent, name, process);
  }

  std::string OwnerOf(const std::string& cgroup) {
    struct stat status {};
    EXPECT_EQ(stat((root_ + cgroup).c_str(), &status), 0);
    Update();
    const auto owner = owners_->OfCgroup(status.st_ino);
    return owner ? owner->name : "";
  }

  // How many cgroups are this app's alone.
  std::size_t CgroupsOf(const std::string& name) {
    Update();
    return owners_->CgroupsOf({name, "", ""}).size();
  }

  std::string OwnerOfUser(uid_t uid) {
    Update();
    const auto owner = owners_->OfUser(uid);
    return owner ? owner->name : "";
  }

  bool HasPodAlone(const std::string& name) {
    Update();
    return owners_->HasPodAlone({name, "", ""});
  }

  FakeProc proc_;

 private:
  void Update() {
    monitor_ = std::make_unique<ProcessMonitor>(
        Config(), ProcessPaths{proc_.root(), ""}, registry_);
    monitor_->Scan();
    reader_ = std::make_unique<ProcReader>(proc_.root(), errors_registry_);
    owners_ = std::make_unique<SoleOwners>(*reader_, root_);
    owners_->Update(monitor_->processes(), monitor_->Generation());
  }

  TempDir folder_;
  const std::string root_ = folder_ / "cgroup";
  prometheus::Registry registry_;
  prometheus::Registry errors_registry_;
  std::unique_ptr<ProcessMonitor> monitor_;
  std::unique_ptr<ProcReader> reader_;
  std::unique_ptr<SoleOwners> owners_;
};

TEST_F(SoleOwnersTest, NamesTheAppThatIsAloneInItsCgroup) {
  AddApp(10, "web", "/web.service");
  AddApp(20, "api", "/api.service");
  SetMembers("/web.service", {10, 11});
  SetMembers("/api.service", {20, 21});
  EXPECT_EQ(OwnerOf("/web.service"), "web");
  EXPECT_EQ(OwnerOf("/api.service"), "api");
  EXPECT_EQ(OwnerOf(""), "");
  EXPECT_EQ(CgroupsOf("web"), 1U);
}

TEST_F(SoleOwnersTest, NamesNobodyForACgroupOfSeveral) {
  AddApp(10, "web", "/both.scope");
  AddApp(20, "api", "/both.scope");
  SetMembers("/both.scope", {10, 11, 20, 21});
  EXPECT_EQ(OwnerOf("/both.scope"), "");
  EXPECT_EQ(CgroupsOf("web"), 0U);
  AddProgram(30, 1, "nginx");
  SetMembers("/both.scope", {10, 11, 30});
  EXPECT_EQ(OwnerOf("/both.scope"), "");
  SetMembers("/both.scope", {10, 11, 0});
  EXPECT_EQ(OwnerOf("/both.scope"), "") << "0 is one that cannot be seen";
}

TEST_F(SoleOwnersTest, CountsNeitherStartersNorTheAppsOwnPrograms) {
  AddProgram(5, 1, "sh");
  AddProgram(6, 5, "tini");
  AddApp(10, "web", "/web.scope", 6);
  AddProgram(30, 11, "ffmpeg");
  SetMembers("/web.scope", {5, 6, 10, 11, 30});
  EXPECT_EQ(OwnerOf("/web.scope"), "web");
  // A shell that did not start it may listen to anything.
  AddProgram(7, 1, "sh");
  SetMembers("/web.scope", {5, 6, 7, 10, 11, 30});
  EXPECT_EQ(OwnerOf("/web.scope"), "");
  SetMembers("/web.scope", {5, 6, 10, 11, 30, 999});
  EXPECT_EQ(OwnerOf("/web.scope"), "web") << "999 has gone";
}

TEST_F(SoleOwnersTest, NamesTheAppThatIsAloneOfItsUser) {
  AddApp(10, "web", "/", 1, 33);
  AddApp(20, "api", "/", 1, 34);
  AddApp(30, "root", "/", 1, 0);
  EXPECT_EQ(OwnerOfUser(33), "web");
  EXPECT_EQ(OwnerOfUser(34), "api");
  EXPECT_EQ(OwnerOfUser(35), "");
  EXPECT_EQ(OwnerOfUser(0), "");
  AddProgram(40, 1, "nginx", 33);
  EXPECT_EQ(OwnerOfUser(33), "");
  EXPECT_EQ(OwnerOfUser(34), "api");
}

TEST_F(SoleOwnersTest, TellsAPodThatIsTheAppsAlone) {
  const std::string container = std::string(kPod) + "/a.scope";
  AddApp(10, "web", container);
  AddProgram(8, 1, "pause");
  SetMembers(kPod, {});
  SetMembers(container, {10, 11});
  SetMembers(std::string(kPod) + "/sandbox.scope", {8});
  EXPECT_TRUE(HasPodAlone("web"));
  EXPECT_FALSE(HasPodAlone("api"));
  AddProgram(9, 1, "envoy");
  SetMembers(std::string(kPod) + "/b.scope", {9});
  EXPECT_FALSE(HasPodAlone("web"));
}

TEST_F(SoleOwnersTest, TellsNothingOfAPodOutsideOfKubernetes) {
  AddApp(10, "web", "/web.service");
  SetMembers("/web.service", {10, 11});
  EXPECT_FALSE(HasPodAlone("web"));
}

TEST(ParseUnifiedCgroup, TakesTheLineOfVersionTwo) {
  EXPECT_EQ(ParseUnifiedCgroup("9:memory:/a\n0::/web.service\n"),
            "/web.service");
  EXPECT_EQ(ParseUnifiedCgroup("0::/../../a b\n"), "/../../a b");
  EXPECT_EQ(ParseUnifiedCgroup("9:memory:/a\n"), std::nullopt);
  EXPECT_EQ(ParseUnifiedCgroup(""), std::nullopt);
}

}  // namespace
}  // namespace gunicorn_exporter
