#include "collectors/statsd/receive/tcp_receiver.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "collectors/statsd/receive/statsd_server.h"
#include "tests/support/find_series.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/registry_value.h"
#include "tests/support/sockets.h"
#include "tests/support/wait_until.h"

namespace gunicorn_exporter {
namespace {

class TcpServerTest : public testing::Test {
 protected:
  TcpServerTest()
      : store_(Config(), SystemTime),
        server_(Tcp(), store_, registry_, nullptr) {
    server_.Start();
  }
  static Flags Tcp() {
    Flags flags;
    flags.statsd_listen_udp = {};
    flags.statsd_listen_tcp = {"127.0.0.1:0"};
    return flags;
  }
  FileDescriptor Connect() const {
    return ConnectTcp(server_.addresses(Transport::kTcp).front());
  }
  void WaitForLines(int lines) {
    WaitUntil([&] { return StatsdLines(registry_, "tcp") == lines; });
  }
  double Requests() {
    return ValueOf(store_.Collect({}).families, "gunicorn_requests_total",
                   "app=\"unknown\"");
  }

  MetricStore store_;
  prometheus::Registry registry_;
  StatsdServer server_;
};

TEST_F(TcpServerTest, ReceivesLinesInPieces) {
  const FileDescriptor client = Connect();
  SendText(client, "gunicorn.requests:1|c\ngunicorn.req");
  WaitForLines(1);
  SendText(client, "uests:2|c\r\n\n");
  WaitForLines(2);
  EXPECT_EQ(Requests(), 3);
}

TEST_F(TcpServerTest, TakesTheLastLineWithoutANewline) {
  { SendText(Connect(), "gunicorn.requests:1|c"); }
  WaitForLines(1);
  EXPECT_EQ(Requests(), 1);
}

TEST_F(TcpServerTest, ClosesAConnectionWhoseLineIsTooLong) {
  const FileDescriptor client = Connect();
  SendText(client, "gunicorn.requests:1|c\n" + std::string(8193, 'x'));
  EXPECT_TRUE(IsClosed(client));
  WaitForLines(2);
  EXPECT_EQ(
      RegistryValue(registry_, "gunicorn_exporter_statsd_line_errors_total",
                    "too_long"),
      1);
  EXPECT_EQ(Requests(), 1);
}

TEST_F(TcpServerTest, ServesManyConnections) {
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(Connect());
  for (const FileDescriptor& client : clients) {
    SendText(client, "gunicorn.requests:1|c\n");
  }
  WaitForLines(50);
}

TEST_F(TcpServerTest, TakesWhatHasComeBeforeItStops) {
  const FileDescriptor client = Connect();
  SendText(client, "gunicorn.requests:1|c\ngunicorn.requests:1|c");
  WaitUntilArrived(client);
  server_.Stop();
  EXPECT_EQ(Requests(), 2);
}

// Without the receiving thread, so that time can be given in.
class TcpReceiverTest : public testing::Test {
 protected:
  TcpReceiverTest()
      : store_(Config(), SystemTime),
        handler_(store_, nullptr, metrics_, nullptr),
        tcp_(handler_, metrics_, kMostConnections) {
    tcp_.AddListener(BindOne(InternetSocket::kTcp, "127.0.0.1:0"));
  }
  // A client that can be accepted.
  FileDescriptor Connect() const {
    FileDescriptor client = ConnectTcp(tcp_.addresses().front());
    WaitUntilReadable(tcp_.listeners().front());
    return client;
  }

  // Few, so that the test runs where a process may open 1024 files.
  static constexpr std::size_t kMostConnections = 20;

  MetricStore store_;
  prometheus::Registry registry_;
  ReceiverMetrics metrics_{registry_};
  LineHandler handler_;
  TcpReceiver tcp_;
  const TcpReceiver::Time now_ = TcpReceiver::Time() + std::chrono::hours(1);
};

TEST_F(TcpReceiverTest, SaysThatAConnectionWaitsWhereDescriptorsRunOut) {
  if (kSanitiserNeedsDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  const FileDescriptor client = Connect();
  {
    const NoDescriptors none;
    EXPECT_EQ(tcp_.Accept(0, now_), -1);
    EXPECT_TRUE(tcp_.is_short());
  }
  EXPECT_GE(tcp_.Accept(0, now_), 0);
  EXPECT_EQ(tcp_.Accept(0, now_), -1);
  EXPECT_FALSE(tcp_.is_short());
}

TEST_F(TcpReceiverTest, ClosesAConnectionThatSaysNothing) {
  const FileDescriptor silent = Connect();
  ASSERT_GE(tcp_.Accept(0, now_), 0);
  tcp_.CloseIdle(now_ + TcpReceiver::kIdleTime - std::chrono::seconds(1));
  EXPECT_EQ(tcp_.connections(), 1U);
  tcp_.CloseIdle(now_ + TcpReceiver::kIdleTime);
  EXPECT_EQ(tcp_.connections(), 0U);
  EXPECT_TRUE(IsClosed(silent));
}

TEST_F(TcpReceiverTest, CountsALineThatIsTooLongAtTheEndAsThatAlone) {
  const FileDescriptor client = Connect();
  const int fd = tcp_.Accept(0, now_);
  ASSERT_GE(fd, 0);
  SendText(client, "gunicorn.requests:1|c|#" + std::string(8000, 'x'));
  WaitUntilArrived(client);
  tcp_.Read(fd, now_);
  SendText(client, std::string(1000, 'x'));
  WaitUntilArrived(client);
  tcp_.CloseAll(now_);
  handler_.Finish();
  EXPECT_EQ(StatsdLines(registry_, "tcp"), 1);
  EXPECT_EQ(
      RegistryValue(registry_, "gunicorn_exporter_statsd_line_errors_total",
                    "too_long"),
      1);
}

TEST_F(TcpReceiverTest, RefusesConnectionsPastTheLimit) {
  std::vector<FileDescriptor> clients;
  for (std::size_t i = 0; i < kMostConnections; ++i) {
    clients.push_back(Connect());
    ASSERT_GE(tcp_.Accept(0, now_), 0) << i;
  }
  const FileDescriptor refused = Connect();
  EXPECT_EQ(tcp_.Accept(0, now_), -1);
  EXPECT_TRUE(IsClosed(refused));
  EXPECT_EQ(
      RegistryValue(registry_,
                    "gunicorn_exporter_statsd_tcp_refused_connections_total"),
      1);
  EXPECT_EQ(tcp_.connections(), kMostConnections);
  // The place of one that has gone is free again.
  tcp_.CloseIdle(now_ + TcpReceiver::kIdleTime);
  const FileDescriptor next = Connect();
  EXPECT_GE(tcp_.Accept(0, now_), 0);
}

}  // namespace
}  // namespace gunicorn_exporter
