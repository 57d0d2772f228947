#include "collectors/statsd/lines/foreign_lines.h"

#include <cmath>
#include <string>

#include "tests/unit/collectors/statsd/lines/line_handler_fixture.h"

namespace gunicorn_exporter {
namespace {

TEST(MakeForeignName, IsWhatStatsdExporterMakes) {
  const std::pair<const char*, const char*> table[] = {
      {"orders", "orders"},
      {"my-app.orders", "my_app_orders"},
      {"1st", "_1st"},
      {"a:b", "a:b"},  // Only before the first colon of a line; kept here.
      {"gr\xc3\xb6\xc3\x9f"
       "e",
       "gr__e"},
      {"a b", "a_b"},
      {"orders,shop=a,code=1", "orders"},
      {"orders#shop=a", "orders"},
      {"orders[shop=a].total", "orders_total"},
      {"orders[shop", "orders_shop"},
      {"[a=b]", ""},
  };
  for (const auto& [name, expected] : table) {
    std::string made;
    MakeForeignName(name, made);
    EXPECT_EQ(made, expected);
  }
}

TEST(IsOwnName, KnowsWhatAScrapeHasAnyway) {
  for (const char* name :
       {"gunicorn_requests_total", "gunicorn_requests",
        "gunicorn_request_duration_seconds",
        "gunicorn_request_duration_seconds_sum", "gunicorn_masters",
        "gunicorn_exporter_anything", "process_cpu_seconds_total"}) {
    EXPECT_TRUE(IsOwnName(name)) << name;
  }
  for (const char* name :
       {"orders", "gunicorn_orders", "gunicorn_requests_more", "processed"}) {
    EXPECT_FALSE(IsOwnName(name)) << name;
  }
}

class ForeignLinesTest : public LineHandlerTest {
 protected:
  ForeignLinesTest() { config_.statsd.unmatched = UnmatchedLines::kExport; }
  double Refused(const std::string& reason) {
    return Value("gunicorn_exporter_statsd_refused_series_total",
                 "reason=\"" + reason + "\"");
  }
};

TEST_F(ForeignLinesTest, MakesCountersAndGauges) {
  Send("my.orders:2|c|@0.5\nmy.orders:1|c\nmy.users:5|g\nmy.users:-2|g");
  EXPECT_EQ(Value("my_orders", R"(app="unknown")"), 5);
  EXPECT_EQ(Value("my_users", R"(app="unknown")"), 3);
  EXPECT_EQ(Verdicts(LineVerdict::kUnmatched), 0U);
}

TEST_F(ForeignLinesTest, MakesSummariesOfTimersInSeconds) {
  Send("my.time:250:750|ms\nmy.size:3|h\nmy.size:5|d");
  const auto families = store().Collect({}).families;
  const Series* const time =
      FindSeries(families, "my_time", R"(app="unknown")");
  ASSERT_NE(time, nullptr);
  EXPECT_EQ(time->summary->count, 2);
  EXPECT_DOUBLE_EQ(time->summary->sum, 1);
  ASSERT_EQ(time->summary->quantiles.size(), 3U);
  EXPECT_EQ(time->summary->quantiles[2].first, 0.99);
  EXPECT_NEAR(time->summary->quantiles[2].second, 0.75, 0.04);
  const Series* const size =
      FindSeries(families, "my_size", R"(app="unknown")");
  ASSERT_NE(size, nullptr);
  EXPECT_EQ(size->summary->sum, 8);
}

TEST_F(ForeignLinesTest, HaveTheAppAndTheTagsThatAreAskedFor) {
  config_.statsd.tag_labels = {"env"};
  Send("orders:1|c|#app:shop,env:prod,user:7");
  EXPECT_EQ(Value("orders", R"(app="shop",env="prod")"), 1);
  // They make no app known.
  EXPECT_EQ(Requests("shop"), -1);
}

TEST_F(ForeignLinesTest, RefusesWhatDoesNotFit) {
  Send("a:1|c\na:1|g\na:-1|c\nb:-1|ms\ngunicorn.masters:7|g");
  EXPECT_EQ(Value("a", R"(app="unknown")"), 1);
  EXPECT_EQ(Refused("conflict"), 1);
  EXPECT_EQ(Verdicts(LineVerdict::kBadValue), 2U);
  EXPECT_EQ(Verdicts(LineVerdict::kUnmatched), 1U);
  EXPECT_EQ(Value("gunicorn_masters", R"(app="unknown")"), -1);
}

TEST_F(ForeignLinesTest, ASummarysOwnLinesAreNotAnothersName) {
  Send("t:1|ms\nt.sum:1|c\nu_count:1|c\nu:1|ms");
  EXPECT_EQ(Value("t_sum", R"(app="unknown")"), -1);
  EXPECT_EQ(FindFamily(store().Collect({}).families, "u"), nullptr);
  EXPECT_EQ(Refused("conflict"), 2);
}

TEST_F(ForeignLinesTest, ACounterIsNotAnothersNameInOpenMetricsEither) {
  // In OpenMetrics a counter x is the family x with the line x_total.
  Send(
      "foo.bar:3|c\nfoo.bar_total:1|c\nx:1|g\nx.total:1|c\ny_total:1|g\ny:1|c");
  EXPECT_EQ(Value("foo_bar", R"(app="unknown")"), 3);
  EXPECT_EQ(FindFamily(store().Collect({}).families, "foo_bar_total"), nullptr);
  EXPECT_EQ(FindFamily(store().Collect({}).families, "x_total"), nullptr);
  EXPECT_EQ(FindFamily(store().Collect({}).families, "y"), nullptr);
  EXPECT_EQ(Refused("conflict"), 3);
  Send("foo.bar:1|c\nz_total:2|c");
  EXPECT_EQ(Value("foo_bar", R"(app="unknown")"), 4);
  EXPECT_EQ(Value("z_total", R"(app="unknown")"), 2);
}

TEST_F(ForeignLinesTest, CountAgainstMaxSeries) {
  config_.statsd.max_series = 10;
  for (int i = 0; i < 20; ++i) Send("name" + std::to_string(i) + ":1|c");
  EXPECT_EQ(Value("gunicorn_exporter_statsd_series", ""), 10);
  EXPECT_EQ(Refused("limit"), 10);
  EXPECT_EQ(Value("name9", R"(app="unknown")"), 1);
  EXPECT_EQ(Value("name10", R"(app="unknown")"), -1);
}

TEST_F(ForeignLinesTest, MakeRoomForAnAppThatBecomesKnown) {
  constexpr int kMost = 100;
  config_.statsd.max_series = kMost;
  const auto name = [](int i) { return "name" + std::to_string(i); };
  for (int i = 0; i < 2 * kMost; ++i) {
    if (i % 25 == 0) time_.Advance(std::chrono::seconds(1));
    Send(name(i) + ":1|c");
  }
  Send(name(0) + ":1|c");  // Not one of the longest silent any more.
  const double before = Refused("limit");
  store().SetKnownApps({{"known", "", ""}});
  Send(
      "gunicorn.requests:1|c|#app:known\n"
      "gunicorn.request.duration:5|ms|#app:known");
  EXPECT_EQ(Requests("known"), 1);
  EXPECT_EQ(Value("gunicorn_request_status_total", R"(app="known",code="504")"),
            0);
  EXPECT_NE(FindFamily(store().Collect({}).families,
                       "gunicorn_request_duration_seconds"),
            nullptr);
  EXPECT_LE(Value("gunicorn_exporter_statsd_series", ""), kMost);
  int gone = 0;
  for (int i = 0; i < kMost; ++i) {
    gone += Value(name(i), R"(app="unknown")") == -1 ? 1 : 0;
  }
  EXPECT_EQ(Refused("limit"), before + gone);
  EXPECT_EQ(Value(name(0), R"(app="unknown")"), 2);
  EXPECT_EQ(Value(name(1), R"(app="unknown")"), -1);
  EXPECT_EQ(Value(name(99), R"(app="unknown")"), 1);
  EXPECT_LT(gone, 40);  // As many as an app may need, not all of one moment.
}

TEST_F(ForeignLinesTest, Expire) {
  config_.statsd.series_ttl = std::chrono::seconds(60);
  Send("orders:1|c");
  time_.Advance(std::chrono::seconds(60));
  EXPECT_EQ(Value("orders", R"(app="unknown")"), -1);
  EXPECT_EQ(Value("gunicorn_exporter_statsd_series", ""), 0);
}

TEST_F(ForeignLinesTest, MayChangeTheirTypeOnceTheyHaveExpired) {
  config_.statsd.series_ttl = std::chrono::seconds(60);
  Send("orders:1|c\ngunicorn.requests:1|c");
  time_.Advance(std::chrono::seconds(50));
  Send("gunicorn.requests:1|c");
  time_.Advance(std::chrono::seconds(50));
  EXPECT_EQ(Value("orders", R"(app="unknown")"), -1);
  Send("orders:7|g");
  EXPECT_EQ(Value("orders", R"(app="unknown")"), 7);
  EXPECT_EQ(Refused("conflict"), 0);
}

TEST_F(ForeignLinesTest, HaveNoNameOfPrometheus) {
  Send("up:0|g\nscrape_duration_seconds:9|g\nups:1|g");
  EXPECT_EQ(Value("up", R"(app="unknown")"), -1);
  EXPECT_EQ(Value("ups", R"(app="unknown")"), 1);
  EXPECT_EQ(Refused("reserved_name"), 2);
}

TEST_F(ForeignLinesTest, LeaveTheReservationOfAKnownAppAlone) {
  config_.statsd.max_series = 100;
  store().SetKnownApps({{"shop", "", ""}});
  for (int i = 0; i < 200; ++i) {
    Send("name" + std::to_string(i) + ":1|c|#app:shop");
  }
  Send("gunicorn.request.duration:5|ms|#app:shop");
  EXPECT_NE(FindFamily(store().Collect({}).families,
                       "gunicorn_request_duration_seconds"),
            nullptr);
  EXPECT_GT(Refused("limit"), 0);
}

TEST_F(ForeignLinesTest, AddUpWhereAReloadMakesTheirLabelsOne) {
  config_.statsd.tag_labels = {"env", "zone"};
  Send(
      "orders:1|c|#env:a,zone:z\norders:2|c|#env:b,zone:z\n"
      "users:5|g|#env:a,zone:z\ntime:1|h|#env:a,zone:z\n"
      "time:2|h|#env:b,zone:z");
  time_.Advance(std::chrono::seconds(1));
  Send("users:3|g|#env:b,zone:z");
  Config changed = config_;
  changed.statsd.tag_labels = {"zone"};
  store().Reconfigure(changed);
  const std::string labels = R"(app="unknown",zone="z")";
  const auto families = store().Collect({}).families;
  EXPECT_EQ(ValueOf(families, "orders", labels), 3);
  EXPECT_EQ(ValueOf(families, "users", labels), 3);
  EXPECT_EQ(FindSeries(families, "time", labels)->summary->sum, 3);
  EXPECT_EQ(ValueOf(families, "gunicorn_exporter_statsd_series", ""), 3);
  EXPECT_EQ(FindFamily(families, "orders")->series.size(), 1U);
}

// One label set may have several thousand of them.
TEST_F(ForeignLinesTest, AreScrapedOnceWhateverTheirNumber) {
  config_.statsd.tag_labels = {"env"};
  for (int i = 0; i < 100; ++i) {
    Send("name" + std::to_string(i) + ":1|c\nname" + std::to_string(i) +
         ":1|c|#env:a");
  }
  const auto families = store().Collect({}).families;
  for (int i = 0; i < 100; ++i) {
    const MetricFamily* const family =
        FindFamily(families, "name" + std::to_string(i));
    ASSERT_NE(family, nullptr) << i;
    EXPECT_EQ(family->series.size(), 2U) << i;
  }
}

TEST_F(ForeignLinesTest, DisappearWhenAReloadSwitchesThemOff) {
  Send("orders:1|c");
  Config changed = config_;
  changed.statsd.unmatched = UnmatchedLines::kDrop;
  store().Reconfigure(changed);
  EXPECT_EQ(Value("orders", R"(app="unknown")"), -1);
  Send("orders:1|c");
  EXPECT_EQ(Verdicts(LineVerdict::kUnmatched), 1U);
}

TEST_F(ForeignLinesTest, GoOnOverAnyOtherReload) {
  Send("orders:1|c");
  Config changed = config_;
  changed.statsd.max_series = 500;
  store().Reconfigure(changed);
  Send("orders:1|c");
  EXPECT_EQ(Value("orders", R"(app="unknown")"), 2);
}

}  // namespace
}  // namespace gunicorn_exporter
