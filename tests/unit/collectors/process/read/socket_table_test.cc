#include "collectors/process/read/socket_table.h"

#include <gtest/gtest.h>

#include <string>

namespace gunicorn_exporter {
namespace {

// A row of net/tcp; `state` in hexadecimal, `tail` from the inode on.
std::string Row(const std::string& local, const std::string& state,
                const std::string& unread, const std::string& tail) {
  return "   3: " + local + " 0100007F:B59C " + state + " 00000000:" + unread +
         " 00:00000000 00000000    33        0 " + tail + "\n";
}

TEST(ParseTcpTable, TellsAListenersQueue) {
  const auto sockets = ParseTcpTable(
      "  sl  local_address rem_address   st tx_queue rx_queue\n" +
      Row("0100007F:CD9D", "0A", "00000005", "376022 6 00001d5 100 0 0 10 0"));
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_TRUE(sockets[0].listening);
  EXPECT_EQ(ToString(sockets[0].local), "127.0.0.1:52637");
  EXPECT_EQ(sockets[0].queue, 5U);
  EXPECT_EQ(sockets[0].inode, 376022U);
  EXPECT_EQ(sockets[0].uid, 33U);
}

TEST(ParseTcpTable, TellsWhatHappenedOnAConnection) {
  const struct {
    const char* unread;
    const char* tail;
    ConnectionState exchange;
  } table[] = {
      {"00000000", "376115 1 0079f7 20 4 30 10 -1", ConnectionState::kUnknown},
      {"00000000", "376115 1 0079f7 20 4 31 12 -1", ConnectionState::kParked},
      {"00000000", "376115 1 0079f7 20 0 0 10 -1", ConnectionState::kSilent},
      {"00000037", "376115 1 0079f7 20 4 31 10 -1", ConnectionState::kInFlight},
  };
  for (const auto& row : table) {
    for (const char* state : {"01", "08"}) {
      const auto sockets =
          ParseTcpTable(Row("0100007F:CD9D", state, row.unread, row.tail));
      ASSERT_EQ(sockets.size(), 1U) << row.tail;
      EXPECT_FALSE(sockets[0].listening);
      EXPECT_EQ(sockets[0].exchange, row.exchange) << row.tail;
    }
  }
}

TEST(ParseTcpTable, LeavesOutOtherStates) {
  for (const char* state : {"02", "03", "04", "05", "06", "07", "09", "0B"})
    EXPECT_TRUE(
        ParseTcpTable(Row("0100007F:CD9D", state, "00000000", "0 3 00cc"))
            .empty())
        << state;
}

TEST(ParseTcpTable, ReadsIpv6) {
  const auto sockets = ParseTcpTable(Row(
      "00000000000000000000000001000000:1F40", "0A", "00000000", "7 1 0 100"));
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_EQ(ToString(sockets[0].local), "[::1]:8000");
  EXPECT_FALSE(sockets[0].local.IsAnyAddress());
}

TEST(ParseTcpTable, SkipsWhatIsNoRow) {
  for (const char* text :
       {"", "\n\n", "  sl  local_address", "0: 0100007F 0100007F:1 01",
        "0: 0100007F:CD9D 0:0 0A 0:0 0 0 0 0 1",
        "0: 0100007Z:CD9D 0100007F:1 0A 00000000:00000000 0 0 0 0 1",
        "0: 0100007F:CD9DD 0100007F:1 0A 00000000:00000000 0 0 0 0 1"})
    EXPECT_TRUE(ParseTcpTable(text).empty()) << text;
}

TEST(ParseUnixTable, TellsListenersAcceptedAndQueuedConnections) {
  const auto sockets = ParseUnixTable(
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000: 00000002 00000000 00010000 0001 01 376021 /run/my app.sock\n"
      "0000: 00000003 00000000 00000000 0001 03 376099 /run/my app.sock\n"
      "0000: 00000002 00000000 00000000 0001 02     0 /run/my app.sock\n"
      "0000: 00000003 00000000 00000000 0001 03 376100\n"
      "0000: 00000002 00000000 00000000 0002 01 376101 /run/datagram\n");
  ASSERT_EQ(sockets.size(), 3U);
  EXPECT_TRUE(sockets[0].listening);
  EXPECT_EQ(sockets[0].path, "/run/my app.sock");
  EXPECT_TRUE(sockets[1].connected);
  EXPECT_EQ(sockets[1].inode, 376099U);
  EXPECT_TRUE(sockets[2].connected);
  EXPECT_EQ(sockets[2].inode, 0U);
}

TEST(ParseSocketLink, TakesTheInode) {
  EXPECT_EQ(ParseSocketLink("socket:[376021]"), 376021U);
  for (const char* target : {"", "socket:[]", "socket:[1", "pipe:[1]", "[1]"})
    EXPECT_FALSE(ParseSocketLink(target)) << target;
}

}  // namespace
}  // namespace gunicorn_exporter
