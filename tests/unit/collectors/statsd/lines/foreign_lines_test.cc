#include "collectors/statsd/lines/foreign_lines.h"

#include <cmath>
#include <string>

#include "tests/unit/collectors/statsd/lines/line_handler_fixture.h"

namespace gunicorn_exporter {
namespace {

std::string Text(const ForeignKey& key) {
  std::string text = key.name;
  for (const Label& tag : key.tags) text += " " + tag.name + "=" + tag.value;
  return text;
}

// What statsd_exporter's own tests of lines say about names and tags.
TEST(MakeForeignKey, IsWhatStatsdExporterMakes) {
  struct Case {
    const char* name;
    const char* tags;
    const char* expected;
  };
  const Case table[] = {
      {"orders", "", "orders"},
      {"my-app.orders", "", "my_app_orders"},
      {"my--app---orders", "", "my_app_orders"},
      {"1st", "", "_1st"},
      {"gr\xc3\xb6\xc3\x9f"
       "e",
       "", "gr__e"},
      {"a b", "", "a_b"},
      // InfluxDB, Librato, Graphite.
      {"orders,shop=a,code=1", "", "orders code=1 shop=a"},
      {"orders#shop=a,code=1", "", "orders code=1 shop=a"},
      {"orders;shop=a;code=1", "", "orders code=1 shop=a"},
      {"orders;shop=a,b", "", "orders shop=a,b"},
      {"orders#09digits=0,tag.with.dots=1", "",
       "orders _09digits=0 tag_with_dots=1"},
      {"orders,shop=a=b", "", "orders shop=a=b"},
      {"orders,shop", "", "orders"},
      {"orders,=a,shop=,,x=1", "", "orders x=1"},
      {"orders,a.b=1,a_b=2", "", "orders a_b=2"},
      // SignalFX.
      {"orders.[a=1,b=2]total", "", "orders_total a=1 b=2"},
      {"orders.total[a=1,b=2]", "", "orders_total a=1 b=2"},
      {"[a=1,b=2]orders.total", "", "orders_total a=1 b=2"},
      {"orders.[]total", "", "orders_total"},
      {"orders.[a,b]total", "", "orders_total"},
      {"[a=1,b=2orders", "", "_a_1_b_2orders"},
      {"a=1,b=2]orders", "", "a_1_b_2_orders"},
      {"orders]a[", "", "orders_a_"},
      {"[a=b]", "", " a=b"},
      // DogStatsD.
      {"orders", "a:1,b:2", "orders a=1 b=2"},
      {"orders", "a:1,#b:2", "orders a=1 b=2"},
      {"orders", "09digits:0,tag.with.dots:1",
       "orders _09digits=0 tag_with_dots=1"},
      {"orders", "no_value,a:1,,", "orders a=1"},
      {"orders", "a:b:c", "orders a=b:c"},
      {"orders", "a:,:b", "orders"},
      // Names that Prometheus keeps for itself.
      {"orders", "__name__:x", "orders tag___name__=x"},
  };
  for (const auto& [name, tags, expected] : table) {
    ForeignKey key;
    EXPECT_TRUE(MakeForeignKey(name, tags, key)) << name << " " << tags;
    EXPECT_EQ(Text(key), expected);
  }
}

TEST(MakeForeignKey, MixesNoStyles) {
  for (const char* name : {"a#b=1", "a[b=1]", "a,b=1", "a;b=1"}) {
    ForeignKey key;
    EXPECT_FALSE(MakeForeignKey(name, "c:2", key)) << name;
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

TEST_F(ForeignLinesTest, HaveTheAppAndAllTheirTags) {
  config_.statsd.tag_labels = {"env"};
  Send(
      "orders:1|c|#app:shop,env:prod,user:7\norders,user=8:1|c\n"
      "gunicorn.requests:1|c|#app:other,env:prod,user:7");
  EXPECT_EQ(Value("orders", R"(app="shop",env="prod",user="7")"), 1);
  EXPECT_EQ(Value("orders", R"(app="unknown",user="8")"), 1);
  // They make no app known.
  EXPECT_EQ(Requests("shop"), -1);
  // Gunicorn's own have those that are asked for.
  EXPECT_EQ(Value("gunicorn_requests_total", R"(app="other",env="prod")"), 1);
}

TEST_F(ForeignLinesTest, AreOneSeriesForEachSetOfTags) {
  Send(
      "users:5|g|#zone:a\nusers:3|g|#zone:b\nusers:+1|g|#zone:a,x\n"
      "load:1|g|#a:1,b:2\nload:4|g|#b:2,a:1\ntime:1|h|#zone:a\nusers:9|g");
  EXPECT_EQ(Value("users", R"(app="unknown",zone="a")"), 6);
  EXPECT_EQ(Value("users", R"(app="unknown",zone="b")"), 3);
  EXPECT_EQ(Value("users", R"(app="unknown")"), 9);
  EXPECT_EQ(Value("load", R"(app="unknown",a="1",b="2")"), 4);
  EXPECT_EQ(FindSeries(store().Collect({}).families, "time",
                       R"(app="unknown",zone="a")")
                ->summary->sum,
            1);
  EXPECT_EQ(Value("gunicorn_exporter_statsd_series", ""), 5);
}

// A label twice would cost the whole scrape.
TEST_F(ForeignLinesTest, TakeNoLabelThatTheSeriesHasAnyway) {
  InstanceConfig instance;
  instance.proc_name = "shop";
  instance.tags = {{"env", "prod"}};
  config_.instances = {instance};
  Send(
      "a:1|c|#app:shop,env:x,tag_env:y,quantile:1,code:200\n"
      "b,app=other:1|c\nc,app=unknown:1|c");
  EXPECT_EQ(Value("a", R"(app="shop",env="prod",code="200",tag_env="x",)"
                       R"(tag_quantile="1",tag_tag_env="y")"),
            1);
  EXPECT_EQ(Value("b", R"(app="unknown",tag_app="other")"), 1);
  EXPECT_EQ(Value("c", R"(app="unknown")"), 1);
}

TEST_F(ForeignLinesTest, WithTwoStylesOfTagsAreMalformed) {
  Send("orders,a=1:1|c|#b:2");
  EXPECT_EQ(Verdicts(LineVerdict::kMalformed), 1U);
  EXPECT_EQ(FindFamily(store().Collect({}).families, "orders"), nullptr);
}

TEST_F(ForeignLinesTest, KeepTheNameOfACounterInOpenMetrics) {
  Send("my.jobs:1|c\nmy.users:1|g");
  const auto families = store().Collect({}).families;
  EXPECT_TRUE(FindFamily(families, "my_jobs")->keeps_name);
  EXPECT_EQ(FindFamily(families, "my_jobs")->type, MetricType::kCounter);
  EXPECT_FALSE(FindFamily(families, "my_users")->keeps_name);
}

TEST_F(ForeignLinesTest, RefusesWhatDoesNotFit) {
  Send("a:1|c\na:0|c\na:1|g\na:-1|c\nb:-1|ms");
  EXPECT_EQ(Value("a", R"(app="unknown")"), 1);
  EXPECT_EQ(Refused("conflict"), 1);
  EXPECT_EQ(Verdicts(LineVerdict::kBadValue), 2U);
}

TEST_F(ForeignLinesTest, AreNotTakenForWhatAScrapeHasAnyway) {
  const char* const own[] = {
      "gunicorn_masters",
      "gunicorn_requests_total",
      "gunicorn_requests",
      "gunicorn_request_duration_seconds",
      "gunicorn_request_duration_seconds_sum",
      "gunicorn_exporter_anything",
      "process_cpu_seconds_total",
      "process_open_fds",
      "gunicorn_requests_lost_total",
      "gunicorn_orphaned_workers",
      "gunicorn_request_slots",
      "gunicorn_upstream_waits",
  };
  double refused = 0;
  for (const char* name : own) {
    Send(std::string(name) + ":7|g");
    EXPECT_EQ(Value(name, R"(app="unknown")"), -1) << name;
    EXPECT_EQ(Refused("conflict"), ++refused) << name;
  }
  for (const char* name : {"orders", "gunicorn_orders", "processed",
                           "gunicorn_requests_more", "process_orders"}) {
    Send(std::string(name) + ":7|g");
    EXPECT_EQ(Value(name, R"(app="unknown")"), 7) << name;
  }
  EXPECT_EQ(Refused("conflict"), refused);
}

TEST_F(ForeignLinesTest, HaveQuantilesWhateverTheirUnit) {
  Send(
      "rows:3000000:4000000:5000000:6000000:7000000|d\n"
      "lookup:0.0002:0.0004:0.0008|ms\nnone:0|h");
  const auto families = store().Collect({}).families;
  const auto median = [&](const char* name) {
    return FindSeries(families, name, R"(app="unknown")")
        ->summary->quantiles[0]
        .second;
  };
  EXPECT_NEAR(median("rows"), 5e6, 5e6 * 0.05);
  EXPECT_NEAR(median("lookup"), 4e-7, 4e-7 * 0.05);
  EXPECT_EQ(median("none"), 0);
}

TEST_F(ForeignLinesTest, BelongToTheAppThatTheirPrefixNames) {
  InstanceConfig instance;
  instance.proc_name = "shop";
  instance.statsd_prefix = "pre";
  config_.instances = {instance};
  Send(
      "pre.gunicorn.orders:1|c\nshop.gunicorn.orders:1|c\n"
      "pre.orders:1|c\ngunicorn.orders:1|c");
  EXPECT_EQ(Value("pre_gunicorn_orders", R"(app="shop")"), 1);
  EXPECT_EQ(Value("shop_gunicorn_orders", R"(app="shop")"), 1);
}

TEST_F(ForeignLinesTest, ASummarysOwnLinesAreNotAnothersName) {
  Send(
      "t:1|ms\nt.sum:1|c|#a:b\nu_count:1|c\nu:1|ms\nt_created:1|g\n"
      "cache_miss:3|d\ncache_miss_count:5|d\ncache_miss_count:5|d");
  const auto families = store().Collect({}).families;
  for (const char* name : {"t_sum", "t_created", "u", "cache_miss_count"}) {
    EXPECT_EQ(FindFamily(families, name), nullptr) << name;
  }
  EXPECT_EQ(Refused("conflict"), 5);
  EXPECT_EQ(Refused("limit"), 0);
}

TEST_F(ForeignLinesTest, ACounterMayEndInTotal) {
  Send("x:1|g\nx.total:1|c\ny_total:1|g\ny:1|c");
  EXPECT_EQ(Value("x_total", R"(app="unknown")"), 1);
  EXPECT_EQ(Value("y", R"(app="unknown")"), 1);
  EXPECT_EQ(Refused("conflict"), 0);
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
  config_.process.pod_labels = true;
  senders_.SetPid(1, {"shop", "pod", "one"});
  senders_.SetPid(2, {"shop", "pod", "two"});
  SendFromPid("orders:1|c|#z:z\nusers:5|g|#z:z\ntime:1|h|#z:z", 1);
  time_.Advance(std::chrono::seconds(1));
  SendFromPid("orders:2|c|#z:z\nusers:3|g|#z:z\ntime:2|h|#z:z", 2);
  EXPECT_EQ(FindFamily(store().Collect({}).families, "orders")->series.size(),
            2U);
  Config changed = config_;
  changed.process.pod_labels = false;
  store().Reconfigure(changed);
  const std::string labels = R"(app="shop",z="z")";
  const auto families = store().Collect({}).families;
  EXPECT_EQ(ValueOf(families, "orders", labels), 3);
  EXPECT_EQ(ValueOf(families, "users", labels), 3);
  EXPECT_EQ(FindSeries(families, "time", labels)->summary->sum, 3);
  EXPECT_EQ(ValueOf(families, "gunicorn_exporter_statsd_series", ""), 3);
  EXPECT_EQ(FindFamily(families, "orders")->series.size(), 1U);
}

// One label set may have several thousand of them.
TEST_F(ForeignLinesTest, AreScrapedOnceWhateverTheirNumber) {
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

TEST_F(ForeignLinesTest, BeginDistributionsAnewWhereAReloadChangesBuckets) {
  Send("orders:1|c\ntime:1|h");
  Config changed = config_;
  changed.statsd.histogram_buckets = {1, 2};
  store().Reconfigure(changed);
  Send("orders:1|c\ntime:2|h");
  const auto families = store().Collect({}).families;
  EXPECT_EQ(ValueOf(families, "orders", R"(app="unknown")"), 2);
  EXPECT_EQ(FindSeries(families, "time", R"(app="unknown")")->summary->sum, 2);
}

}  // namespace
}  // namespace gunicorn_exporter
