#include "collectors/statsd/receive/statsd_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "config/base/config_error.h"
#include "tests/support/fake_sender_questions.h"
#include "tests/support/find_series.h"
#include "tests/support/registry_value.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

Flags UdpFlags(const std::string& address = "127.0.0.1:0") {
  Flags flags;
  flags.statsd_listen_udp = {address};
  return flags;
}

Flags UnixFlags(const std::string& path) {
  Flags flags;
  flags.statsd_listen_udp = {};
  flags.statsd_listen_unixgram = path;
  return flags;
}

std::string ErrorOf(const Flags& flags) {
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  try {
    const StatsdServer server(flags, store, registry, nullptr);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(StatsdServer, ReceivesUdp) {
  for (const char* address : {"127.0.0.1:0", "[::1]:0", ":0"}) {
    MetricStore store(Config(), SystemTime);
    prometheus::Registry registry;
    StatsdServer server(UdpFlags(address), store, registry, nullptr);
    server.Start();
    const std::string bound = server.addresses(Transport::kUdp).front();
    const std::string port = bound.substr(bound.rfind(':') + 1);
    const std::string target =
        std::string(address).starts_with("[::1]") ? "[::1]:" : "127.0.0.1:";
    const FileDescriptor client = ConnectUdp(target + port, "test");
    for (int i = 0; i < 100; ++i) SendText(client, "gunicorn.requests:1|c");
    WaitUntil([&] { return StatsdLines(registry, "udp") == 100; });
    EXPECT_EQ(ValueOf(store.Collect({}).families, "gunicorn_requests_total",
                      "app=\"unknown\""),
              100);
  }
}

TEST(StatsdServer, ReceivesFromSeveralUdpSockets) {
  Flags flags;
  flags.statsd_listen_udp = {"127.0.0.1:0", "127.0.0.1:0"};
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  StatsdServer server(flags, store, registry, nullptr);
  server.Start();
  for (const std::string& address : server.addresses(Transport::kUdp)) {
    SendText(ConnectUdp(address, "test"), "gunicorn.requests:1|c");
  }
  WaitUntil([&] { return StatsdLines(registry, "udp") == 2; });
}

TEST(StatsdServer, SaysWhichUdpAddressIsTaken) {
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  const StatsdServer first(UdpFlags(), store, registry, nullptr);
  const std::string address = first.addresses(Transport::kUdp).front();
  EXPECT_EQ(
      ErrorOf(UdpFlags(address)),
      "statsd.listen_udp: cannot bind " + address + ": Address already in use");
  EXPECT_EQ(ErrorOf(UdpFlags("nonsense")),
            "statsd.listen_udp: \"nonsense\" is not an address; expected "
            "HOST:PORT");
}

TEST(StatsdServer, NamesTheSenderOfAUdpPacket) {
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  FakeSenderQuestions senders;
  StatsdServer server(UdpFlags(), store, registry, &senders);
  const FileDescriptor client =
      ConnectUdp(server.addresses(Transport::kUdp).front(), "test");
  senders.SetPort(LocalPort(client), {"by_port", "", ""});
  server.Start();
  SendText(client, "gunicorn.requests:1|c");
  WaitUntil([&] { return StatsdLines(registry, "udp") == 1; });
  EXPECT_EQ(ValueOf(store.Collect({}).families, "gunicorn_requests_total",
                    "app=\"by_port\""),
            1);
}

TEST(StatsdServer, NamesTheSenderOfAUnixDatagram) {
  const TempDir directory;
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  FakeSenderQuestions senders;
  senders.SetPid(getpid(), {"by_pid", "", ""});
  StatsdServer server(UnixFlags(directory / "socket"), store, registry,
                      &senders);
  server.Start();
  SendText(ConnectUnix(directory / "socket"), "gunicorn.requests:1|c");
  WaitUntil([&] { return StatsdLines(registry, "unixgram") == 1; });
  EXPECT_EQ(ValueOf(store.Collect({}).families, "gunicorn_requests_total",
                    "app=\"by_pid\""),
            1);
}

TEST(StatsdServer, WaitsUntilWhatHasComeIsInTheStore) {
  using std::chrono::milliseconds;
  const TempDir directory;
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  FakeSenderQuestions senders;
  senders.SetPid(getpid(), {"by_pid", "", ""});
  StatsdServer server(UnixFlags(directory / "socket"), store, registry,
                      &senders);
  senders.Hold();
  server.Start();
  const FileDescriptor gunicorn = ConnectUnix(directory / "socket");
  for (int i = 0; i < 5; ++i) SendText(gunicorn, "gunicorn.requests:1|c");
  EXPECT_FALSE(server.WaitUntilTaken(milliseconds(1)));
  senders.LetGo();
  ASSERT_TRUE(server.WaitUntilTaken(std::chrono::minutes(1)));
  EXPECT_EQ(ValueOf(store.Collect({}).families, "gunicorn_requests_total",
                    "app=\"by_pid\""),
            5);
  // Nothing more comes: at once, and after the end too.
  EXPECT_TRUE(server.WaitUntilTaken(std::chrono::minutes(1)));
  server.Stop();
  EXPECT_TRUE(server.WaitUntilTaken(milliseconds(0)));
}

TEST(StatsdServer, MakesTheUnixSocketWithItsModeAndDirectory) {
  const TempDir directory;
  const std::string path = directory / "run/exporter/socket";
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  Flags flags = UnixFlags(path);
  flags.statsd_unixsocket_mode = 0762;
  const mode_t old_mask = umask(0077);
  {
    const StatsdServer server(flags, store, registry, nullptr);
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0762U);
  }
  umask(old_mask);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(StatsdServer, TakesAStaleUnixSocketOver) {
  const TempDir directory;
  const std::string path = directory / "socket";
  {
    const FileDescriptor stale(::socket(AF_UNIX, SOCK_DGRAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(stale.get(), reinterpret_cast<sockaddr*>(&address),
                   sizeof(address)),
              0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(ErrorOf(UnixFlags(path)), "");
}

TEST(StatsdServer, RefusesAUnixSocketThatIsNotFree) {
  const TempDir directory;
  const std::string path = directory / "socket";
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  const StatsdServer first(UnixFlags(path), store, registry, nullptr);
  EXPECT_EQ(ErrorOf(UnixFlags(path)),
            "statsd.listen_unixgram: cannot bind " + path +
                ", another process has it: Address already in use");
  EXPECT_TRUE(std::filesystem::exists(path));

  const std::string file = directory / "file";
  fclose(fopen(file.c_str(), "w"));
  EXPECT_EQ(ErrorOf(UnixFlags(file)),
            "statsd.listen_unixgram: " + file +
                " exists and is not a socket; expected a free path");
  EXPECT_NE(
      ErrorOf(UnixFlags("/tmp/" + std::string(200, 'x'))).find("too long"),
      std::string::npos);
}

TEST(StatsdServer, SaysWhereASocketMayNotBeWrittenTo) {
  if (geteuid() != 0) GTEST_SKIP() << "needs another user's socket";
  const TempDir directory;
  const std::string path = directory / "socket";
  std::filesystem::permissions(directory / ".", std::filesystem::perms(0755));
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  Flags flags = UnixFlags(path);
  flags.statsd_unixsocket_mode = 0700;
  const StatsdServer first(flags, store, registry, nullptr);
  std::string error;
  // The call itself is of one thread alone.
  std::thread([&] {
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(syscall(SYS_setresuid, -1, kNobody, -1), 0);
    error = ErrorOf(UnixFlags(path));
  }).join();
  EXPECT_EQ(error, "statsd.listen_unixgram: cannot bind " + path +
                       ", a socket is there that may not be written to: "
                       "Permission denied");
}

TEST(StatsdServer, LeavesAPathThatSomebodyElseHasMadeMeanwhile) {
  const TempDir directory;
  const std::string path = directory / "socket";
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  {
    const StatsdServer server(UnixFlags(path), store, registry, nullptr);
    std::filesystem::remove(path);
    fclose(fopen(path.c_str(), "w"));
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(StatsdServer, TakesWhatHasComeBeforeItStops) {
  const TempDir directory;
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  StatsdServer server(UnixFlags(directory / "socket"), store, registry,
                      nullptr);
  const FileDescriptor client = ConnectUnix(directory / "socket");
  for (int i = 0; i < 5; ++i) SendText(client, "gunicorn.requests:1|c");
  server.Start();
  server.Stop();
  EXPECT_EQ(ValueOf(store.Collect({}).families, "gunicorn_requests_total",
                    "app=\"unknown\""),
            5);
}

TEST(StatsdServer, CountsWhatTheKernelDrops) {
  Flags flags = UdpFlags();
  flags.statsd_read_buffer = 8192;
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  StatsdServer server(flags, store, registry, nullptr);
  const FileDescriptor client =
      ConnectUdp(server.addresses(Transport::kUdp).front(), "test");
  const auto received = [&] {
    return RegistryValue(registry, "gunicorn_exporter_statsd_packets_total",
                         "udp");
  };
  const auto dropped = [&] {
    return RegistryValue(
        registry, "gunicorn_exporter_statsd_dropped_packets_total", "udp");
  };
  constexpr int kSent = 1000;
  for (int i = 0; i < kSent; ++i) SendText(client, "gunicorn.requests:1|c");
  server.Start();
  // The last ones may still be on their way.
  WaitUntil([&] { return received() + dropped() == kSent; });
  server.Stop();
  EXPECT_GT(received(), 0);
  EXPECT_LT(received(), kSent);
  EXPECT_EQ(dropped(), kSent - received());
}

TEST(SetReceiveBuffer, TakesNothingFromASocketThatNobodyAskedFor) {
  for (const std::size_t bytes : {std::size_t{8192}, kWantedReceiveBuffer / 2,
                                  2 * kWantedReceiveBuffer}) {
    const FileDescriptor socket = BindOne(InternetSocket::kUdp, "127.0.0.1:0");
    // Without rights it gets at most net.core.rmem_max, which is then kept.
    const std::size_t had = SetReceiveBuffer(socket, bytes);
    EXPECT_GE(SetReceiveBuffer(socket, 0), had);
  }
}

TEST(SetReceiveBuffer, RaisesASmallOne) {
  const FileDescriptor socket = BindOne(InternetSocket::kUdp, "127.0.0.1:0");
  const std::size_t had = SetReceiveBuffer(socket, 8192);
  EXPECT_GT(SetReceiveBuffer(socket, 0), had);
}

TEST(StatsdServer, HasEverySeriesFromTheStart) {
  const TempDir directory;
  Flags flags = UdpFlags();
  flags.statsd_listen_unixgram = directory / "socket";
  MetricStore store(Config(), SystemTime);
  prometheus::Registry registry;
  const StatsdServer server(flags, store, registry, nullptr);
  for (const char* name : {"gunicorn_exporter_statsd_packets_total",
                           "gunicorn_exporter_statsd_lines_total",
                           "gunicorn_exporter_statsd_dropped_packets_total"}) {
    EXPECT_EQ(RegistryValue(registry, name, "udp"), 0);
    EXPECT_EQ(RegistryValue(registry, name, "unixgram"), 0);
    EXPECT_EQ(RegistryValue(registry, name, "tcp"), -1);
  }
  for (const char* reason :
       {"bad_value", "bad_type", "malformed", "missing_name", "bad_encoding",
        "too_long", "bad_sample_rate"}) {
    EXPECT_EQ(
        RegistryValue(registry, "gunicorn_exporter_statsd_line_errors_total",
                      reason),
        0);
  }
  for (const char* reason : {"set", "event", "service_check", "unmatched"}) {
    EXPECT_EQ(
        RegistryValue(registry, "gunicorn_exporter_statsd_ignored_lines_total",
                      reason),
        0);
  }
  EXPECT_EQ(store.Name(), "statsd");
  const auto families = store.Collect({}).families;
  EXPECT_EQ(ValueOf(families, "gunicorn_exporter_statsd_series", ""), 0);
  for (const char* reason : {"limit", "conflict", "reserved_name"}) {
    EXPECT_EQ(ValueOf(families, "gunicorn_exporter_statsd_refused_series_total",
                      "reason=\"" + std::string(reason) + "\""),
              0);
  }
}

}  // namespace
}  // namespace gunicorn_exporter
