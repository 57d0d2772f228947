#include "collectors/process/read/address_table.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace gunicorn_exporter {
namespace {

SocketAddress Address(const std::string& text, std::uint16_t port = 0) {
  sockaddr_storage storage{};
  if (text.find(':') == std::string::npos) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &v4.sin_addr);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr);
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return ToSocketAddress(storage).value();
}

TEST(ParseUdpTable, TakesAddressUserAndInode) {
  const auto sockets = ParseUdpTable(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n"
      "  190: 0100007F:9C40 0100007F:1FBD 01 00000000:00000000 00:00000000 "
      "00000000    33        0 376021 2 0000000000000000 0\n");
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_EQ(sockets[0].local, Address("127.0.0.1", 40000));
  EXPECT_EQ(sockets[0].uid, 33U);
  EXPECT_EQ(sockets[0].inode, 376021U);
}

TEST(HasLocalAddress, FindsAHostsOwnAddressesOnly) {
  constexpr const char* kTrie =
      "Main:\n"
      "  +-- 10.1.2.0/24 2 0 1\n"
      "     |-- 10.1.2.0\n"
      "        /24 link UNICAST\n"
      "     |-- 10.1.2.3\n"
      "        /32 host LOCAL\n"
      "     |-- 10.1.2.255\n"
      "        /32 link BROADCAST\n";
  EXPECT_TRUE(HasLocalAddress(kTrie, Address("10.1.2.3")));
  for (const char* other : {"10.1.2.0", "10.1.2.255", "10.1.2.4", "::1"})
    EXPECT_FALSE(HasLocalAddress(kTrie, Address(other))) << other;
}

TEST(HasInterfaceAddress, FindsAnInterfacesAddress) {
  constexpr const char* kTable =
      "fd000000000000000000000000000003 02 40 00 80     eth0\n";
  EXPECT_TRUE(HasInterfaceAddress(kTable, Address("fd00::3")));
  EXPECT_FALSE(HasInterfaceAddress(kTable, Address("fd00::4")));
  EXPECT_FALSE(HasInterfaceAddress(kTable, Address("10.1.2.3")));
}

TEST(ToSocketAddress, TakesAMappedAddressForIpv4) {
  EXPECT_EQ(Address("::ffff:10.1.2.3", 5), Address("10.1.2.3", 5));
}

TEST(IsLoopback, KnowsBothFamilies) {
  EXPECT_TRUE(IsLoopback(Address("127.0.0.1")));
  EXPECT_TRUE(IsLoopback(Address("127.1.2.3")));
  EXPECT_TRUE(IsLoopback(Address("::1")));
  EXPECT_FALSE(IsLoopback(Address("10.0.0.1")));
  EXPECT_FALSE(IsLoopback(Address("fd00::1")));
}

}  // namespace
}  // namespace gunicorn_exporter
