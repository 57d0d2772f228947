#include "exporter/container_network.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

const std::vector<std::string> kLoopback = {"127.0.0.1:8125", "[::1]:8125"};

// A container's files: its network namespace is its own.
class ContainerNetwork : public testing::Test {
 protected:
  ContainerNetwork() { Write("proc/sys/net/core/somaxconn", "4096\n"); }

  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    WriteFile(file, text);
  }
  bool Hears(const std::vector<std::string>& addresses) const {
    return HearsItsContainerAlone(addresses, root_ / "");
  }

  TempDir root_;
};

TEST_F(ContainerNetwork, IsNoneOnAMachine) {
  Write("etc/hosts", "127.0.0.1 localhost\n");
  EXPECT_FALSE(Hears(kLoopback));
}

TEST_F(ContainerNetwork, IsToldByTheFilesOfEachRuntime) {
  const std::pair<const char*, const char*> signs[] = {
      {".dockerenv", ""},
      {"run/.containerenv", "engine=\"podman-4.3.1\"\n"},
      {"etc/hosts", "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"},
  };
  for (const auto& [path, text] : signs) {
    Write(path, text);
    EXPECT_TRUE(Hears(kLoopback)) << path;
    std::filesystem::remove(root_ / path);
    EXPECT_FALSE(Hears(kLoopback)) << path;
  }
}

TEST_F(ContainerNetwork, HearsOthersOnAnyOtherAddress) {
  Write(".dockerenv", "");
  EXPECT_TRUE(Hears({"127.0.0.1:8125"}));
  for (const char* open : {":8125", "0.0.0.0:8125", "[::]:8125",
                           "10.0.0.5:8125", "/run/statsd.sock"}) {
    EXPECT_FALSE(Hears({open})) << open;
    EXPECT_FALSE(Hears({"127.0.0.1:8125", open})) << open;
  }
  EXPECT_FALSE(Hears({})) << "no StatsD is no mistake";
}

// --network=host, hostNetwork: the machine's gunicorns send there.
TEST_F(ContainerNetwork, IsTheMachinesOwnWhereTheKernelShowsItsSettings) {
  Write(".dockerenv", "");
  Write("proc/sys/net/core/netdev_max_backlog", "1000\n");
  EXPECT_FALSE(Hears(kLoopback));
}

TEST_F(ContainerNetwork, IsNotGuessedWithoutProc) {
  Write(".dockerenv", "");
  std::filesystem::remove_all(root_ / "proc");
  EXPECT_FALSE(Hears(kLoopback));
}

}  // namespace
}  // namespace gunicorn_exporter
