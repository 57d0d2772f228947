#include "collectors/statsd/receive/socket_activation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "collectors/statsd/receive/statsd_server.h"
#include "config/base/config_error.h"
#include "config/base/unix_socket.h"
#include "tests/support/registry_value.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

// As systemd would leave them: in a row.
constexpr int kFirstFd = 200;

ActivationVariables ForUs(int count, const std::string& names = "") {
  return {std::to_string(getpid()), std::to_string(count), names};
}

void Inherit(const FileDescriptor& socket, int number) {
  ASSERT_EQ(dup2(socket.get(), kFirstFd + number), kFirstFd + number);
}

TEST(TakeInheritedSockets, TellsThemApartByWhatTheyAre) {
  const TempDir directory;
  UnixSocket path(UnixSocketKind::kDatagram, directory / "socket", 0722, "");
  Inherit(path.TakeSocket(), 0);
  Inherit(BindOne(InternetSocket::kTcp, "127.0.0.1:0"), 1);
  Inherit(BindOne(InternetSocket::kUdp, "[::1]:0"), 2);
  Inherit(BindOne(InternetSocket::kUdp, "127.0.0.1:0"), 3);
  Inherit(FileDescriptor(open("/dev/null", O_RDONLY)), 4);
  const InheritedSockets sockets =
      TakeInheritedSockets(ForUs(5, "a:b"), kFirstFd);
  ASSERT_EQ(sockets.unixgram.size(), 1U);
  EXPECT_EQ(sockets.unixgram[0].get(), kFirstFd);
  ASSERT_EQ(sockets.tcp.size(), 1U);
  EXPECT_EQ(sockets.tcp[0].get(), kFirstFd + 1);
  ASSERT_EQ(sockets.udp.size(), 2U);
  EXPECT_EQ(fcntl(kFirstFd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(fcntl(kFirstFd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  close(kFirstFd + 4);
}

TEST(TakeInheritedSockets, LeavesThoseOfAnotherProcess) {
  for (const char* pid : {"", "1", "nonsense"}) {
    const InheritedSockets sockets =
        TakeInheritedSockets({pid, "1", ""}, kFirstFd);
    EXPECT_TRUE(sockets.udp.empty() && sockets.tcp.empty() &&
                sockets.unixgram.empty());
  }
}

TEST(TakeInheritedSockets, RefusesACountThatIsNone) {
  for (const char* count : {"", "x", "-1", "9999"}) {
    EXPECT_THROW(
        TakeInheritedSockets({std::to_string(getpid()), count, ""}, kFirstFd),
        ConfigError)
        << count;
  }
}

TEST(TakeActivationVariables, UsesThemOnce) {
  setenv("LISTEN_PID", "7", 1);
  setenv("LISTEN_FDS", "2", 1);
  setenv("LISTEN_FDNAMES", "a:b", 1);
  const ActivationVariables variables = TakeActivationVariables();
  EXPECT_EQ(variables.pid, "7");
  EXPECT_EQ(variables.count, "2");
  EXPECT_EQ(variables.names, "a:b");
  EXPECT_EQ(TakeActivationVariables().pid, "");
}

TEST(StatsdServer, KeepsAnInheritedUnixSocketOverARestart) {
  const TempDir directory;
  UnixSocket held(UnixSocketKind::kDatagram, directory / "socket", 0722, "");
  const FileDescriptor ours = held.TakeSocket();  // As systemd keeps it.
  const FileDescriptor gunicorn = ConnectUnix(directory / "socket");
  MetricStore store(Config(), SystemTime);
  Flags flags;
  flags.statsd_listen_udp = {};
  flags.statsd_listen_unixgram = directory / "socket";
  for (int run = 1; run <= 2; ++run) {
    Inherit(ours, 0);
    prometheus::Registry registry;
    StatsdServer server(flags, store, registry, nullptr,
                        TakeInheritedSockets(ForUs(1), kFirstFd));
    server.Start();
    EXPECT_EQ(server.addresses(Transport::kUnixgram),
              (std::vector<std::string>{directory / "socket"}));
    SendText(gunicorn, "gunicorn.requests:1|c");
    WaitUntil([&] { return StatsdLines(registry, "unixgram") == 1; });
    server.Stop();
    // Comes while nobody is there, and waits.
    SendText(gunicorn, "gunicorn.requests:1|c");
    SendText(gunicorn, "gunicorn.requests:1|c");
    Inherit(ours, 0);
    prometheus::Registry next_registry;
    StatsdServer next(flags, store, next_registry, nullptr,
                      TakeInheritedSockets(ForUs(1), kFirstFd));
    next.Start();
    WaitUntil([&] { return StatsdLines(next_registry, "unixgram") == 2; });
  }
  EXPECT_TRUE(std::filesystem::exists(directory / "socket"));
}

TEST(StatsdServer, RefusesAnInheritedUnixSocketThatIsNotTheFlags) {
  const TempDir directory;
  UnixSocket held(UnixSocketKind::kDatagram, directory / "socket", 0722, "");
  Inherit(held.TakeSocket(), 0);
  MetricStore store(Config(), SystemTime);
  Flags flags;
  flags.statsd_listen_unixgram = directory / "other";
  std::string error;
  try {
    prometheus::Registry registry;
    const StatsdServer server(flags, store, registry, nullptr,
                              TakeInheritedSockets(ForUs(1), kFirstFd));
  } catch (const ConfigError& refused) {
    error = refused.what();
  }
  EXPECT_EQ(error, "statsd.listen_unixgram: " + (directory / "other") +
                       " is not the socket that was handed over "
                       "(LISTEN_FDS), " +
                       (directory / "socket") + "; expected one path in both");
}

}  // namespace
}  // namespace gunicorn_exporter
