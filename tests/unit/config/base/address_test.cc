#include "config/base/address.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

TEST(ParseAddress, TakesHostAndPort) {
  EXPECT_EQ(ParseAddress("127.0.0.1:8125"), (Address{"127.0.0.1", 8125}));
  EXPECT_EQ(ParseAddress("localhost:0"), (Address{"localhost", 0}));
}

TEST(ParseAddress, TakesAnEmptyHostAsEveryAddress) {
  EXPECT_EQ(ParseAddress(":18125"), (Address{"", 18125}));
}

TEST(ParseAddress, TakesIpv6InBrackets) {
  EXPECT_EQ(ParseAddress("[::1]:8125"), (Address{"::1", 8125}));
}

TEST(ParseAddress, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "8125", "host", "host:", "host:x", "host:65536", "host:-1",
        "::1:8125", "[::1:8125", "[]:1", "h:1 "}) {
    EXPECT_EQ(ParseAddress(text), std::nullopt) << text;
  }
}

TEST(FormatAddress, IsTheInverseOfParseAddress) {
  for (const char* text : {"127.0.0.1:8125", ":18125", "[::1]:8125"}) {
    EXPECT_EQ(FormatAddress(ParseAddress(text).value()), text);
  }
}

}  // namespace
}  // namespace gunicorn_exporter
