#include "collectors/process/read/sock_diag.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string>

namespace gunicorn_exporter {
namespace {

tcp_info Info(std::uint64_t received, std::uint64_t sent,
              std::uint32_t last_received, std::uint32_t last_sent,
              std::uint32_t segments_in = 2) {
  tcp_info info{};
  info.tcpi_bytes_received = received;
  info.tcpi_bytes_sent = sent;
  info.tcpi_last_data_recv = last_received;
  info.tcpi_last_data_sent = last_sent;
  info.tcpi_data_segs_in = segments_in;
  return info;
}

TEST(ToConnectionState, TellsParkedFromInFlight) {
  EXPECT_EQ(ToConnectionState(Info(0, 0, 700, 700)), ConnectionState::kSilent);
  EXPECT_EQ(ToConnectionState(Info(27, 0, 700, 700)),
            ConnectionState::kInFlight);
  EXPECT_EQ(ToConnectionState(Info(61, 145, 1208, 1512)),
            ConnectionState::kInFlight);
  EXPECT_EQ(ToConnectionState(Info(61, 145, 1512, 1208)),
            ConnectionState::kParked);
  EXPECT_EQ(ToConnectionState(Info(27, 145, 708, 708, 1)),
            ConnectionState::kParked);
  EXPECT_EQ(ToConnectionState(Info(61, 145, 708, 708)), ConnectionState::kTie);
}

// A listening socket on 127.0.0.1, on a port of the kernel's choice.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* const generic = reinterpret_cast<sockaddr*>(&address_);
    if (bind(fd_.get(), generic, size) != 0 || listen(fd_.get(), 7) != 0 ||
        getsockname(fd_.get(), generic, &size) != 0)
      throw std::runtime_error("cannot listen");
  }

  // In the listener's queue when it returns: connect(2) itself need not wait
  // for that.
  FileDescriptor Connect() const {
    constexpr int kMinute = 60'000;
    FileDescriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address_),
                sizeof address_) != 0 ||
        poll(&waiting, 1, kMinute) != 1)
      throw std::runtime_error("cannot connect");
    return client;
  }
  FileDescriptor Accept() const {
    return FileDescriptor(accept(fd_.get(), nullptr, nullptr));
  }
  std::uint16_t port() const { return ntohs(address_.sin_port); }

 private:
  FileDescriptor fd_;
  sockaddr_in address_{};
};

// What the kernel tells of it; nothing where it does not.
std::optional<TcpSocket> Find(const Listener& listener) {
  const auto sockets = SockDiag().Listeners();
  if (!sockets) return std::nullopt;
  const auto found = std::find_if(
      sockets->begin(), sockets->end(), [&](const TcpSocket& socket) {
        return socket.local.port == listener.port() && !socket.local.is_v6;
      });
  if (found == sockets->end()) return std::nullopt;
  return *found;
}

TEST(SockDiag, TellsAListenersQueueAndLimit) {
  const Listener listener;
  const FileDescriptor client = listener.Connect();
  const auto found = Find(listener);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->listening);
  EXPECT_EQ(found->queue, 1U);
  EXPECT_EQ(found->limit, 7U);
}

TEST(SockDiag, GivesTheConnectionsOfTheAskedPortsAlone) {
  const Listener first;
  const Listener second;
  const Listener other;
  SockDiag diag;
  const FileDescriptor a = first.Connect();
  const FileDescriptor b = second.Connect();
  const FileDescriptor c = other.Connect();
  const auto sockets = diag.Connections({{first.port(), second.port()}}, {});
  ASSERT_TRUE(sockets);
  EXPECT_EQ(sockets->size(), 2U);
  for (const TcpSocket& socket : *sockets) {
    EXPECT_EQ(socket.inode, 0U) << "not accepted yet";
    EXPECT_NE(socket.local.port, other.port());
  }
}

TEST(SockDiag, TellsASilentConnectionFromOneInFlight) {
  const Listener listener;
  const FileDescriptor client = listener.Connect();
  const FileDescriptor server = listener.Accept();
  SockDiag diag;
  auto sockets = diag.Connections({{listener.port()}}, {});
  ASSERT_TRUE(sockets);
  ASSERT_EQ(sockets->size(), 1U);
  EXPECT_NE(sockets->front().inode, 0U);
  EXPECT_EQ(sockets->front().exchange, ConnectionState::kSilent);

  char buffer[8];
  ASSERT_EQ(write(client.get(), "GET", 3), 3);
  ASSERT_EQ(read(server.get(), buffer, sizeof buffer), 3);
  sockets = diag.Connections({{listener.port()}}, {});
  ASSERT_TRUE(sockets);
  EXPECT_EQ(sockets->front().exchange, ConnectionState::kInFlight);

  ASSERT_EQ(write(server.get(), "200", 3), 3);
  sockets = diag.Connections({{listener.port()}}, {});
  ASSERT_TRUE(sockets);
  EXPECT_EQ(sockets->front().exchange, ConnectionState::kParked);
}

// The id of this process's cgroup v2: the inode of its folder. Nothing where
// no cgroup v2 is mounted.
std::optional<std::uint64_t> OwnCgroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("0::")) continue;
    for (const std::string mount :
         {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
      struct statfs system {};
      struct stat folder {};
      if (statfs(mount.c_str(), &system) == 0 &&
          system.f_type == CGROUP2_SUPER_MAGIC &&
          stat((mount + line.substr(3)).c_str(), &folder) == 0) {
        return folder.st_ino;
      }
    }
  }
  return std::nullopt;
}

TEST(SockDiag, TellsTheCgroupOfASocketsMaker) {
  const auto own = OwnCgroup();
  if (!own) GTEST_SKIP() << "no cgroup v2";
  const Listener listener;
  const FileDescriptor datagrams(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(datagrams.get(), reinterpret_cast<const sockaddr*>(&loopback),
                 sizeof loopback),
            0);
  struct stat status {};
  ASSERT_EQ(fstat(datagrams.get(), &status), 0);
  const auto stream = Find(listener);
  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->cgroup, own);
  const auto sockets = SockDiag().UdpSockets();
  ASSERT_TRUE(sockets);
  const auto packet = std::find_if(
      sockets->begin(), sockets->end(),
      [&](const UdpSocket& socket) { return socket.inode == status.st_ino; });
  ASSERT_NE(packet, sockets->end());
  EXPECT_EQ(packet->cgroup, own);
}

// As one without the module udp_diag does.
TEST(SockDiag, HasNoAnswerWhereTheKernelRefuses) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
  const FileDescriptor kernel(ends[0]);
  SockDiag diag{FileDescriptor(ends[1])};
  struct {
    nlmsghdr header{};
    nlmsgerr error{};
  } answer;
  answer.header.nlmsg_len = sizeof answer;
  answer.header.nlmsg_type = NLMSG_ERROR;
  answer.error.error = -ENOENT;
  for (int question = 0; question < 4; ++question) {
    send(kernel.get(), &answer, sizeof answer, 0);
  }
  shutdown(kernel.get(), SHUT_WR);
  EXPECT_FALSE(diag.UdpSockets());
}

TEST(SockDiag, AsksForNothingWithoutPorts) {
  const Listener listener;
  const FileDescriptor client = listener.Connect();
  const FileDescriptor server = listener.Accept();
  const auto sockets = SockDiag().Connections({}, {});
  ASSERT_TRUE(sockets);
  EXPECT_TRUE(sockets->empty());
}

}  // namespace
}  // namespace gunicorn_exporter
