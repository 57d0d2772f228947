#include "collectors/process/read/proc_parse.h"

#include <gtest/gtest.h>

namespace gunicorn_exporter {
namespace {

constexpr std::string_view kStat =
    "8785 (gunicorn: worke) S 8784 8781 1519 0 -1 4194368 2596 0 1 0 4 7 0 0 "
    "20 "
    "0 3 0 739564 35713024 6083 18446744073709551615 4321280\n";

TEST(ParseProcStat, TakesTheFieldsOfProc5) {
  const auto stat = ParseProcStat(kStat);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 8785);
  EXPECT_EQ(stat->comm, "gunicorn: worke");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->ppid, 8784);
  EXPECT_TRUE(stat->forked_only);
  EXPECT_EQ(stat->user_ticks, 4U);
  EXPECT_EQ(stat->system_ticks, 7U);
  EXPECT_EQ(stat->threads, 3U);
  EXPECT_EQ(stat->start_time, 739564U);
  EXPECT_EQ(stat->resident_pages, 6083U);
}

TEST(ParseProcStat, TakesTheSignalsThatAreCaught) {
  EXPECT_EQ(ParseProcStat(kStat)->caught_signals, 0U);
  const std::string text = std::string(kStat.substr(0, kStat.size() - 1)) +
                           " 7148169 1 0 0 0 0 16781312 137380390 1 0 0 17";
  EXPECT_EQ(ParseProcStat(text)->caught_signals, 0x8304226U);
}

TEST(ParseProcStat, EndsTheCommAtTheLastParenthesis) {
  std::string text(kStat);
  text.replace(text.find("gunicorn: worke"), 15, "a) S 1 (\n)");
  const auto stat = ParseProcStat(text);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->comm, "a) S 1 (\n)");
  EXPECT_EQ(stat->ppid, 8784);
}

TEST(ParseProcStat, RefusesWhatIsCutShort) {
  for (std::size_t size = 0; size < kStat.find("6083"); ++size)
    EXPECT_FALSE(ParseProcStat(kStat.substr(0, size))) << size;
}

TEST(ParseProcStat, RefusesWhatIsNoStat) {
  for (const char* text :
       {"", ")(", "(x) S 1", "x (y) S 1 2", "1 (y) SS 1", "1 (y) S -",
        "99999999999999 (y) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"})
    EXPECT_FALSE(ParseProcStat(text)) << text;
}

TEST(ParseBootTime, FindsItsLine) {
  EXPECT_EQ(ParseBootTime("cpu 1 2\nbtime 1700000000\nx 1\n"), 1700000000U);
  EXPECT_FALSE(ParseBootTime("cpu 1 2\n"));
  EXPECT_FALSE(ParseBootTime("btime x\n"));
}

TEST(ParsePss, IsInBytes) {
  EXPECT_EQ(ParsePss("Rss: 24316 kB\nPss:               13092 kB\n"),
            13092U * 1024);
  EXPECT_FALSE(ParsePss("Rss: 24316 kB\nPss_Dirty: 1 kB\n"));
  EXPECT_FALSE(ParsePss("Pss: 12\n"));
}

TEST(ParseEffectiveUid, IsTheSecondNumber) {
  EXPECT_EQ(ParseEffectiveUid("Name:\tx\nUid:\t0\t33\t0\t0\n"), 33U);
  EXPECT_FALSE(ParseEffectiveUid("Name:\tUid\n"));
}

TEST(ParseListenOverflows, ReadsTheValueBelowItsName) {
  EXPECT_EQ(ParseListenOverflows("TcpExt: A ListenOverflows B\nTcpExt: 1 7 2\n"
                                 "IpExt: X\nIpExt: 1\n"),
            7U);
  EXPECT_EQ(ParseListenOverflows("IpExt: X\nIpExt: 1\n"
                                 "TcpExt: ListenOverflows\nTcpExt: 3\n"),
            3U);
  EXPECT_FALSE(ParseListenOverflows("TcpExt: A ListenOverflows\nTcpExt: 1\n"));
  EXPECT_FALSE(ParseListenOverflows(""));
}

}  // namespace
}  // namespace gunicorn_exporter
