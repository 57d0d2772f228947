#include "config/base/listen.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <set>

#include "config/base/address.h"
#include "config/base/config_error.h"

namespace gunicorn_exporter {
namespace {

// The addresses that this machine's /etc/hosts gives "localhost".
std::set<std::string> HostsOfLocalhost() {
  std::set<std::string> hosts;
  const AddressList list =
      Resolve(InternetSocket::kTcp, "localhost:0", true, "test");
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    hosts.insert(one->ai_family == AF_INET ? "127.0.0.1" : "::1");
  }
  return hosts;
}

class Listen : public testing::TestWithParam<InternetSocket> {};

// gunicorn sends to localhost's IPv4 address.
TEST_P(Listen, BindsEachAddressOfAName) {
  const auto sockets = BindInternet(GetParam(), "localhost:0", "test");
  std::set<std::string> hosts;
  std::set<std::uint16_t> ports;
  for (const FileDescriptor& socket : sockets) {
    const auto address = ParseAddress(LocalAddress(socket));
    ASSERT_TRUE(address);
    hosts.insert(address->host);
    ports.insert(address->port);
  }
  EXPECT_EQ(hosts, HostsOfLocalhost());
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_NE(*ports.begin(), 0);
}

TEST_P(Listen, BindsEveryAddressWithOneSocket) {
  EXPECT_EQ(BindInternet(GetParam(), ":0", "test").size(), 1U);
}

TEST_P(Listen, SaysWhichSettingCannotBeBoundAndWhy) {
  const auto first = BindInternet(GetParam(), "127.0.0.1:0", "test");
  const std::string address = LocalAddress(first.front());
  try {
    BindInternet(GetParam(), address, "statsd.listen_udp");
    FAIL() << "it was bound twice";
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.what(), "statsd.listen_udp: cannot bind " + address +
                                ": Address already in use");
  }
}

INSTANTIATE_TEST_SUITE_P(Both, Listen,
                         testing::Values(InternetSocket::kUdp,
                                         InternetSocket::kTcp));

}  // namespace
}  // namespace gunicorn_exporter
