#include "collectors/statsd/inherited_socket.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

namespace gunicorn_exporter {
namespace {

TEST(InheritedFds, BeginsAtThree) {
  EXPECT_EQ(InheritedFds(42, "42", "2"), (std::vector<int>{3, 4}));
}

TEST(InheritedFds, HasNoneForWhatIsNotMeantForThisProcess) {
  struct Row {
    const char* listen_pid;
    const char* listen_fds;
  };
  const Row rows[] = {{nullptr, nullptr}, {nullptr, "1"},  {"42", nullptr},
                      {"43", "1"},        {"42", "0"},     {"42", "-1"},
                      {"42", ""},         {"", "1"},       {"42x", "1"},
                      {"42", "1 "},       {"42", "999999"}};
  for (const Row& row : rows) {
    EXPECT_TRUE(InheritedFds(42, row.listen_pid, row.listen_fds).empty())
        << (row.listen_pid ? row.listen_pid : "null") << " "
        << (row.listen_fds ? row.listen_fds : "null");
  }
}

// Sockets in a folder of its own.
class FindUnixgramTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/inherited_socket_test.XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
  }

  void TearDown() override {
    for (const int fd : fds_) close(fd);
    for (const std::string& path : paths_) unlink(path.c_str());
    rmdir(folder_.c_str());
  }

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }

  int Bind(int type, const std::string& path) {
    const int fd = socket(AF_UNIX, type, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
              0);
    fds_.push_back(fd);
    paths_.push_back(path);
    return fd;
  }

  std::string folder_;
  std::vector<int> fds_;
  std::vector<std::string> paths_;
};

TEST_F(FindUnixgramTest, TakesTheSocketOfThatPath) {
  const int other = Bind(SOCK_DGRAM, Path("other"));
  const int wanted = Bind(SOCK_DGRAM, Path("wanted"));
  EXPECT_EQ(FindUnixgram({other, wanted}, Path("wanted")), wanted);
}

TEST_F(FindUnixgramTest, LeavesOtherPathsKindsAndClosedDescriptors) {
  const int stream = Bind(SOCK_STREAM, Path("stream"));
  const int udp = socket(AF_INET, SOCK_DGRAM, 0);
  fds_.push_back(udp);
  const int unbound = socket(AF_UNIX, SOCK_DGRAM, 0);
  fds_.push_back(unbound);
  EXPECT_EQ(FindUnixgram({stream, udp, unbound, -1}, Path("stream")),
            std::nullopt);
  EXPECT_EQ(FindUnixgram({unbound}, ""), std::nullopt);
}

}  // namespace
}  // namespace gunicorn_exporter
