#include "collectors/process/read/hidden_processes.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <string>

namespace gunicorn_exporter {
namespace {

const dev_t kDevice = makedev(0, 22);

// As of a user without any right, of group 65534.
constexpr const char* kNobody =
    "Uid:\t65534\t65534\t65534\t65534\n"
    "Gid:\t65534\t65534\t65534\t65534\n"
    "Groups:\t33 44 \nCapPrm:\tffffffffffffffff\nCapEff:\t0000000000000000\n";

std::string Mounted(const std::string& options) {
  return "21 28 0:21 / /sys rw - sysfs sysfs rw,hidepid=2\n"
         "23 28 0:22 / /proc rw,nosuid shared:5 - proc proc " +
         options + "\n24 28 0:23 / /dev rw - tmpfs tmpfs rw\n";
}

TEST(HidesProcesses, TakesTheMountOption) {
  for (const char* options :
       {"rw,hidepid=1", "rw,hidepid=2", "rw,hidepid=4", "rw,hidepid=noaccess",
        "rw,gid=4,hidepid=invisible", "rw,hidepid=ptraceable,subset=pid"})
    EXPECT_TRUE(HidesProcesses(Mounted(options), kDevice, kNobody)) << options;
  for (const char* options : {"rw", "rw,hidepid=0", "rw,hidepid=off", ""})
    EXPECT_FALSE(HidesProcesses(Mounted(options), kDevice, kNobody)) << options;
}

TEST(HidesProcesses, IsOfTheFolderThatIsRead) {
  EXPECT_FALSE(
      HidesProcesses(Mounted("rw,hidepid=2"), makedev(0, 23), kNobody));
  EXPECT_FALSE(HidesProcesses("", kDevice, kNobody));
  EXPECT_FALSE(HidesProcesses("23 28 0:22\n23 28 0:22 - \n", kDevice, kNobody));
}

TEST(HidesProcesses, NotFromWhoMayTrace) {
  const std::string status = "CapEff:\t0000000000080000\n";
  for (const char* options : {"rw,hidepid=2", "rw,hidepid=ptraceable"})
    EXPECT_FALSE(HidesProcesses(Mounted(options), kDevice, status)) << options;
  EXPECT_TRUE(HidesProcesses(Mounted("rw,hidepid=2"), kDevice,
                             "CapEff:\t0000000000000004\n"));
}

TEST(HidesProcesses, NotFromMembersOfTheGroup) {
  const auto hides = [](const char* options, const char* status) {
    return HidesProcesses(Mounted(options), kDevice, status);
  };
  EXPECT_FALSE(hides("rw,gid=44,hidepid=invisible", kNobody));
  EXPECT_FALSE(hides("rw,gid=65534,hidepid=noaccess", kNobody));
  EXPECT_TRUE(hides("rw,gid=4,hidepid=invisible", kNobody));
  EXPECT_TRUE(hides("rw,gid=44,hidepid=ptraceable", kNobody));
  EXPECT_FALSE(hides("rw,hidepid=2", "Gid:\t0\t0\t0\t0\nGroups:\t\n"));
}

}  // namespace
}  // namespace gunicorn_exporter
