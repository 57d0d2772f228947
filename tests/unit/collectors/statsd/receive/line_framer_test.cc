#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "collectors/statsd/receive/tcp_receiver.h"

namespace gunicorn_exporter {
namespace {

struct Framed {
  std::vector<std::string> lines;
  bool ok = true;
};

Framed Frame(const std::vector<std::string>& pieces) {
  Framed framed;
  LineFramer framer;
  const auto handle = [&](std::string_view line) {
    framed.lines.emplace_back(line);
  };
  for (const std::string& piece : pieces) {
    framed.ok = framed.ok && framer.Feed(piece, handle);
  }
  if (framed.ok) framer.Finish(handle);
  return framed;
}

using Lines = std::vector<std::string>;

TEST(LineFramer, PartsAStreamWhereverItIsCut) {
  const std::string stream = "one\ntwo\r\n\nthree";
  const Lines expected = {"one", "two\r", "", "three"};
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      EXPECT_EQ(
          Frame({stream.substr(0, first), stream.substr(first, second - first),
                 stream.substr(second)})
              .lines,
          expected);
    }
  }
}

TEST(LineFramer, NeedsNoNewlineAtTheEnd) {
  EXPECT_EQ(Frame({"a\n"}).lines, (Lines{"a"}));
  EXPECT_EQ(Frame({"a"}).lines, (Lines{"a"}));
  EXPECT_EQ(Frame({""}).lines, Lines{});
}

TEST(LineFramer, TakesLinesOf8192Bytes) {
  const std::string longest(kLongestLine, 'x');
  for (const Framed& framed :
       {Frame({longest + "\n"}), Frame({longest}), Frame({longest, "\n"}),
        Frame({longest + "\r\n"}), Frame({longest, "\r", "\n"})}) {
    EXPECT_TRUE(framed.ok);
    EXPECT_EQ(framed.lines.size(), 1U);
  }
}

TEST(LineFramer, RefusesALongerOne) {
  const std::string too_long(kLongestLine + 1, 'x');
  for (const Framed& framed :
       {Frame({too_long + "\n"}), Frame({too_long}), Frame({"x", too_long}),
        Frame({too_long + "\r\n"}), Frame({too_long.substr(1), "xx\n"}),
        Frame({too_long.substr(1), "\r", "x"})}) {
    EXPECT_FALSE(framed.ok);
    EXPECT_EQ(framed.lines, Lines{});
  }
  EXPECT_EQ(Frame({"good\n" + too_long}).lines, (Lines{"good"}));
}

}  // namespace
}  // namespace gunicorn_exporter
