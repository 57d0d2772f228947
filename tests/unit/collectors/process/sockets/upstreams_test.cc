#include "collectors/process/sockets/upstreams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_proc.h"

namespace gunicorn_exporter {
namespace {

using testing::ElementsAre;

// Of a query's connection, with the times of the last data and acknowledgement.
TcpSocket Connection(std::uint64_t sent, std::uint64_t received,
                     DataTimes times) {
  TcpSocket socket;
  socket.sent = sent;
  socket.received = received;
  socket.times = times;
  return socket;
}

// The times are those of PostgreSQL and Redis on Linux 6.18.
TEST(ToWait, TellsAQuestionFromAnAnswer) {
  const struct {
    const char* what;
    TcpSocket connection;
    Wait wait;
  } table[] = {
      {"answered", Connection(100, 900, {316, 312, 312}), Wait::kNone},
      {"asked", Connection(100, 900, {416, 420, 416}), Wait::kWaits},
      {"asked for the first time", Connection(20, 0, {9000, 9050, 9000}),
       Wait::kWaits},
      {"open, nothing asked", Connection(0, 0, {9000, 9000, 9000}),
       Wait::kNone},
      {"greeted, nothing asked", Connection(0, 80, {9000, 8990, 9000}),
       Wait::kNone},
      {"asked right after an answer, acknowledged 44 ms later",
       Connection(100, 900, {924, 924, 880}), Wait::kWaits},
      {"in one tick", Connection(100, 900, {416, 416, 416}), Wait::kTie},
      {"in one tick, and a keep-alive probe",
       Connection(100, 900, {31000, 31000, 900}), Wait::kTie},
      {"the last moment of an acknowledgement",
       Connection(100, 900, {900, 900, 400}), Wait::kWaits},
      {"one moment later", Connection(100, 900, {900, 900, 399}), Wait::kTie},
  };
  for (const auto& row : table) {
    EXPECT_EQ(ToWait(row.connection), row.wait) << row.what;
  }
}

TEST(ToWait, TellsWhatIsUnderWay) {
  TcpSocket socket = Connection(100, 900, {316, 312, 312});
  socket.has_unsent = true;
  EXPECT_EQ(ToWait(socket), Wait::kWaits);
  socket.closed_by_peer = true;
  EXPECT_EQ(ToWait(socket), Wait::kNone);
  TcpSocket connecting;
  connecting.connecting = true;
  EXPECT_EQ(ToWait(connecting), Wait::kWaits);
  EXPECT_EQ(ToWait(TcpSocket()), Wait::kNone) << "net/tcp tells too little";
}

std::vector<std::string> Names(const std::vector<Upstream>& peers) {
  std::vector<std::string> names;
  for (const Upstream& peer : peers) names.push_back(peer.peer);
  return names;
}

TEST(LargestPeers, PutsWhatKeepsMostWaitingFirst) {
  EXPECT_THAT(Names(LargestPeers({{"idle", 9, 0, 0},
                                  {"small", 2, 2, 3},
                                  {"large", 8, 2, 1},
                                  {"most", 3, 3, 1}})),
              ElementsAre("most", "large", "small", "idle"));
}

TEST(LargestPeers, SumsUpThoseWithTheFewestConnections) {
  std::vector<Upstream> peers = {{"few", 1, 1, 7}, {"fewer", 1, 1, 9}};
  for (std::size_t i = 0; i < Upstreams::kMostPeers; ++i) {
    peers.push_back({"peer" + std::to_string(i), 2, 0, 0});
  }
  peers = LargestPeers(std::move(peers));
  ASSERT_EQ(peers.size(), Upstreams::kMostPeers + 1);
  EXPECT_EQ(peers[0].peer, "other");
  EXPECT_EQ(peers[0].connections, 2U);
  EXPECT_EQ(peers[0].waits, 2U);
  EXPECT_EQ(peers[0].oldest_wait_seconds, 9);
}

TEST(AddPeers, MakesOneOfTheSamePeer) {
  std::vector<Upstream> peers = {{"a", 1, 1, 7}};
  AddPeers(peers, {{"b", 1, 0, 0}, {"a", 2, 1, 9}});
  EXPECT_THAT(Names(peers), ElementsAre("a", "b"));
  EXPECT_EQ(peers[0].connections, 3U);
  EXPECT_EQ(peers[0].waits, 2U);
  EXPECT_EQ(peers[0].oldest_wait_seconds, 9);
}

constexpr std::uint64_t kInode = 70;
constexpr std::uint64_t kListener = 8;

SocketAddress Loopback(std::uint16_t port) {
  SocketAddress address;
  address.address = {127, 0, 0, 1};
  address.port = port;
  return address;
}

// One app of one worker, whose descriptors may be read, and what looks at it
// are told: those that sock_diag gives, as literals.
class UpstreamsTest : public testing::Test {
 protected:
  UpstreamsTest()
      : reader_(proc_.root(), registry_),
        sole_owners_(reader_, ""),
        upstreams_(sole_owners_) {
    sole_owners_.Update(processes_, 0);
    tenant_.app = {"my_app", "", ""};
    Hold({kListener, kInode});
    Listen(8000, kListener);
  }

  void Hold(std::set<std::uint64_t> inodes) {
    held_[kWorker].sockets.inodes = std::move(inodes);
  }

  void Listen(std::uint16_t port, std::uint64_t inode) {
    ListeningSocket& listener = listeners_.emplace_back();
    listener.endpoint = Loopback(port);
    listener.inode = inode;
  }

  // To a database on port 5432.
  static TcpSocket Opened(DataTimes times, std::uint64_t inode = kInode) {
    TcpSocket socket = Connection(100, 900, times);
    socket.sent_once = socket.sent;
    socket.inode = inode;
    socket.local = Loopback(40000);
    socket.peer = Loopback(5432);
    return socket;
  }

  // A look, `seconds` after the first one.
  std::vector<Upstream> Look(double seconds,
                             const std::vector<TcpSocket>& opened) {
    const std::vector<Tenant> tenants = {tenant_};
    filter_ = upstreams_.Ask(tenants, listeners_);
    const Upstreams::Party party{&tenants[0], is_readable_ ? &held_ : nullptr,
                                 busy_, !busy_ || !busy_->empty()};
    return upstreams_.Count(
        {party},
        {listeners_, accepted_, opened, connections_,
         [&](std::uint64_t) {
           ++asked_for_mode_;
           return is_in_pingpong_;
         }},
        Upstreams::TimePoint(std::chrono::milliseconds(
            static_cast<std::int64_t>(1e6 + seconds * 1000))))[0];
  }

  // The age of the one wait, or -1.
  double WaitAt(double seconds, const TcpSocket& socket) {
    const auto peers = Look(seconds, {socket});
    if (peers.size() != 1 || peers[0].connections != 1) return -2;
    return peers[0].waits == 1 ? peers[0].oldest_wait_seconds : -1;
  }

  static constexpr ProcessKey kWorker{11, 1000};
  FakeProc proc_;
  prometheus::Registry registry_;
  ProcReader reader_;
  std::map<ProcessKey, TrackedProcess> processes_;
  SoleOwners sole_owners_;
  Upstreams upstreams_;
  Tenant tenant_;
  bool is_readable_ = true;
  std::map<ProcessKey, Descriptors> held_;
  std::optional<std::set<ProcessKey>> busy_ = std::set<ProcessKey>{kWorker};
  std::vector<ListeningSocket> listeners_;
  std::vector<AcceptedConnection> accepted_;
  std::size_t connections_ = 0;
  std::optional<bool> is_in_pingpong_ = true;
  int asked_for_mode_ = 0;
  OpenedFilter filter_;
};

TEST_F(UpstreamsTest, NamesThePeerAndHowLongItHasBeenWaitedFor) {
  const auto peers = Look(0, {Opened({12000, 12004, 12000})});
  ASSERT_EQ(peers.size(), 1U);
  EXPECT_EQ(peers[0].peer, "127.0.0.1:5432");
  EXPECT_EQ(peers[0].connections, 1U);
  EXPECT_EQ(peers[0].waits, 1U);
  EXPECT_EQ(peers[0].oldest_wait_seconds, 12);
}

TEST_F(UpstreamsTest, CountsAnIdleConnectionAndNoWait) {
  EXPECT_EQ(WaitAt(0, Opened({12004, 12000, 12000})), -1);
}

TEST_F(UpstreamsTest, TakesARetransmissionForNoNewQuestion) {
  TcpSocket socket = Opened({200, 5000, 5000});
  socket.has_unsent = true;
  EXPECT_EQ(WaitAt(0, socket), 0.2);
  socket.sent += 50;  // The same once more.
  EXPECT_EQ(WaitAt(10, socket), 10.2);
  socket.sent_once += 50;
  EXPECT_EQ(WaitAt(11, socket), 0.2);
}

TEST_F(UpstreamsTest, CountsAConnectThatIsNotAnswered) {
  TcpSocket socket = Opened({4000000, 4000000, 0});
  socket.connecting = true;
  socket.sent = socket.sent_once = socket.received = 0;
  EXPECT_EQ(WaitAt(0, socket), 0);
  socket.retransmits = 1;
  EXPECT_EQ(WaitAt(2.5, socket), 2.5);
  socket.retransmits = 4;
  EXPECT_EQ(WaitAt(3, socket), 4) << "at least a second for each retry";
}

TEST_F(UpstreamsTest, AsksForTheModeOfATieOnceItIsSettled) {
  EXPECT_EQ(WaitAt(0, Opened({249, 249, 249})), -1);
  EXPECT_EQ(asked_for_mode_, 0);
  is_in_pingpong_ = std::nullopt;
  EXPECT_EQ(WaitAt(1, Opened({1249, 1249, 1249})), -1);
  is_in_pingpong_ = true;
  EXPECT_EQ(WaitAt(2, Opened({2249, 2249, 2249})), 2.249);
  EXPECT_EQ(WaitAt(3, Opened({3249, 3249, 3249})), 3.249);
  EXPECT_EQ(asked_for_mode_, 2);
}

TEST_F(UpstreamsTest, TakesATieOutOfPingpongModeForAnAnswer) {
  is_in_pingpong_ = false;
  EXPECT_EQ(WaitAt(0, Opened({900, 900, 900})), -1);
}

TEST_F(UpstreamsTest, TakesATieOfAnIdleWorkerForAnAnswer) {
  busy_->clear();
  EXPECT_EQ(WaitAt(0, Opened({900, 900, 900})), -1);
  busy_.reset();
  EXPECT_EQ(WaitAt(1, Opened({1900, 1900, 1900})), 1.9) << "any may be busy";
}

TEST_F(UpstreamsTest, RemembersAnAcknowledgementThatAKeepAliveProbeHides) {
  EXPECT_EQ(WaitAt(0, Opened({900, 900, 860})), 0.9);
  EXPECT_EQ(WaitAt(60, Opened({60900, 60900, 900})), 60.9);
  EXPECT_EQ(asked_for_mode_, 0);
}

TEST_F(UpstreamsTest, AsksForThePortsOfKnownPeers) {
  Look(0, {Opened({12004, 12000, 12000})});
  EXPECT_TRUE(filter_.all) << "nothing is known yet";
  Look(1, {Opened({12004, 12000, 12000})});
  EXPECT_TRUE(filter_.all) << "what the listener is, the first look told not";
  Look(2, {Opened({12004, 12000, 12000})});
  EXPECT_FALSE(filter_.all);
  EXPECT_FALSE(filter_.with_ipv6);
  EXPECT_EQ(filter_.peer_ports, std::set<std::uint16_t>{5432});
}

TEST_F(UpstreamsTest, AsksForIPv6WhereAPeerHasIt) {
  TcpSocket ipv6 = Opened({12004, 12000, 12000}, 71);
  ipv6.peer.is_v6 = true;
  Hold({kListener, kInode, 71});
  for (const int second : {0, 1, 2}) {
    Look(second, {Opened({12004, 12000, 12000}), ipv6});
  }
  EXPECT_FALSE(filter_.all);
  EXPECT_TRUE(filter_.with_ipv6);
}

TEST_F(UpstreamsTest, AsksForAllWhereAnUnknownSocketIsHeld) {
  for (const int second : {0, 1, 2}) Look(second, {});
  EXPECT_FALSE(filter_.all);
  Hold({kListener, kInode, 71});
  Look(3, {});
  Look(4, {});
  EXPECT_TRUE(filter_.all);
  Look(5, {});
  EXPECT_FALSE(filter_.all) << "it is no TCP connection";
}

TEST_F(UpstreamsTest, AsksAgainForASocketThatWasNotConnectedYet) {
  const auto asked = [&] {
    std::vector<int> looks;
    for (int look = 0; look < 45; ++look) {
      Look(look, {});
      if (filter_.all) looks.push_back(look);
    }
    return looks;
  };
  EXPECT_THAT(asked(), ElementsAre(0, 1, 13, 25, 37));
  connections_ = 3 * NamespaceSockets::kSocketsASample;
  EXPECT_THAT(asked(), ElementsAre(4)) << "then after 40 looks";
}

TEST_F(UpstreamsTest, AsksForAllSeldomOnAMachineWithManyConnections) {
  connections_ = 3 * NamespaceSockets::kSocketsASample;
  std::vector<bool> asked;
  for (int second = 0; second < 8; ++second) {
    Hold({kListener, 100U + static_cast<unsigned>(second)});
    Look(second, {});
    asked.push_back(filter_.all);
  }
  EXPECT_THAT(asked,
              ElementsAre(true, false, false, true, false, false, true, false));
}

TEST_F(UpstreamsTest, LeavesOutWhatOthersHold) {
  EXPECT_TRUE(Look(0, {Opened({900, 904, 900}, 99)}).empty());
}

TEST_F(UpstreamsTest, LeavesOutConnectionsWithinTheApp) {
  Listen(8001, 900);  // A stranger's.
  const struct {
    std::uint64_t inode;
    std::uint16_t port;
    std::size_t peers;
  } table[] = {{70, 8000, 0}, {71, 8001, 1}, {72, 8002, 1}};
  for (const auto& row : table) {
    Hold({kListener, row.inode});
    TcpSocket socket = Opened({900, 904, 900}, row.inode);
    socket.peer = Loopback(row.port);
    EXPECT_EQ(Look(0, {socket}).size(), row.peers) << row.port;
  }
}

TEST_F(UpstreamsTest, LeavesOutAClientWhoseListenerIsGone) {
  AcceptedConnection client;
  client.tcp = Opened({900, 904, 900});
  accepted_ = {client};
  EXPECT_TRUE(Look(0, {}).empty());
  accepted_.clear();
  EXPECT_TRUE(Look(1, {client.tcp}).empty());
  EXPECT_TRUE(Look(2, {client.tcp}).empty());
}

TEST_F(UpstreamsTest, TellsNothingWithoutProof) {
  is_readable_ = tenant_.is_readable = false;
  EXPECT_TRUE(Look(0, {Opened({900, 904, 900})}).empty());
}

TEST_F(UpstreamsTest, TakesTheUserOfAListenerForProof) {
  is_readable_ = tenant_.is_readable = false;
  tenant_.user = 33;
  TcpSocket ours = Opened({900, 904, 900});
  ours.uid = 33;
  EXPECT_EQ(Look(0, {ours, Opened({900, 904, 900}, 71)})[0].connections, 1U);
  EXPECT_TRUE(filter_.all);
}

}  // namespace
}  // namespace gunicorn_exporter
