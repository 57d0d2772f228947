#include "collectors/process/sockets/upstreams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace gunicorn_exporter
