#include "exporter/web/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <list>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "config/base/address.h"
#include "config/base/config_error.h"
#include "tests/support/families.h"
#include "tests/support/http_client.h"
#include "tests/support/running_app.h"
#include "tests/support/temp_dir.h"

namespace gunicorn_exporter {
namespace {

std::vector<MetricFamily> OneFamily() {
  std::vector<MetricFamily> families;
  families.push_back(MakeFamily("up_total", MetricType::kCounter));
  AddSeries(families[0], MakeLabels({{"app", "my_app"}}), nullptr, 1);
  return families;
}

Flags Here() {
  Flags flags;
  flags.web_listen_addresses = {"127.0.0.1:0"};
  return flags;
}

// A server whose parts are as the test sets them.
class Served {
 public:
  explicit Served(const Flags& flags = Here(),
                  std::shared_ptr<const WebState> web = LoadWebState("")) {
    HttpHandlers handlers;
    handlers.scrape = [this](auto deadline) { return scrape(deadline); };
    handlers.apps = [this] { return KnownApps{apps, ""}; };
    handlers.ready = [this] { return ready; };
    handlers.history = &history;
    handlers.reload = [this] { return reload_error; };
    handlers.quit = [this] { quit = true; };
    handlers.count_request = [this](std::string_view handler, int code) {
      const std::lock_guard lock(mutex);
      ++counts[std::string(handler) + " " + std::to_string(code)];
    };
    server.emplace(flags, std::move(web), std::move(handlers), files);
  }

  std::uint16_t port() const {
    return ParseAddress(server->addresses().at(0)).value().port;
  }

  std::function<std::vector<MetricFamily>(
      std::chrono::steady_clock::time_point)>
      scrape = [](auto) { return OneFamily(); };
  std::vector<AppStatus> apps;
  History history{std::chrono::milliseconds(0)};
  bool ready = true;
  std::string reload_error;
  std::atomic<bool> quit = false;
  std::mutex mutex;
  std::map<std::string, int> counts;
  FileThread files;
  std::optional<HttpServer> server;
};

TEST(HttpServer, ServesTheSeriesInTheFormatAskedFor) {
  const Served served;
  const TestResponse text = Get(served.port(), "/metrics");
  EXPECT_EQ(text.status, 200);
  EXPECT_EQ(text.Header("Content-Type"),
            "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(text.body,
            "# HELP up_total Help.\n# TYPE up_total counter\n"
            "up_total{app=\"my_app\"} 1\n");
  const TestResponse open_metrics = Get(
      served.port(), "/metrics", "Accept: application/openmetrics-text\r\n");
  EXPECT_EQ(open_metrics.Header("Content-Type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_TRUE(open_metrics.body.ends_with("# EOF\n"));
  const TestResponse protobuf =
      Get(served.port(), "/metrics",
          "Accept: application/vnd.google.protobuf;proto=io.prometheus.client."
          "MetricFamily;encoding=delimited\r\n");
  EXPECT_EQ(protobuf.Header("Content-Type"),
            "application/vnd.google.protobuf; "
            "proto=io.prometheus.client.MetricFamily; encoding=delimited");
}

TEST(HttpServer, TellsThePointsOfTheHistoryAfterTheOneThatIsKnown) {
  Served served;
  for (const int second : {15, 20, 25}) {
    served.history.Add(std::chrono::seconds(second), {});
  }
  const auto first = [&](const std::string& query) {
    const TestResponse answer = Get(served.port(), "/api/v1/history" + query);
    return nlohmann::json::parse(answer.body)["first"].get<int>();
  };
  EXPECT_EQ(first(""), 3);
  EXPECT_EQ(first("?after=3"), 4);
  EXPECT_EQ(first("?after=5#x"), 6);
  EXPECT_EQ(first("?after=99"), 3);
  EXPECT_EQ(first("?after="), 3);
  EXPECT_EQ(first("?afterwards=5"), 3);
}

TEST(HttpServer, CompressesWhatIsWorthIt) {
  Served served;
  served.scrape = [](auto) {
    std::vector<MetricFamily> families;
    families.push_back(
        MakeFamily("x", MetricType::kGauge, std::string(5000, 'h')));
    AddSeries(families[0], nullptr, nullptr, 1);
    return families;
  };
  const TestResponse packed =
      Get(served.port(), "/metrics", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.Header("Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), 500U);
  EXPECT_EQ(Get(served.port(), "/metrics", "Accept-Encoding: gzip;q=0\r\n")
                .Header("Content-Encoding"),
            "");
}

TEST(HttpServer, AnswersEachPath) {
  Served served;
  served.apps = {RunningApp("my_app"), RunningApp("a b/c")};
  const std::pair<const char*, int> table[] = {
      {"/metrics", 200},
      {"/metrics?name[]=x", 200},
      {"/metrics?a?b?", 200},
      {"/metrics/", 404},
      {"/health", 200},
      {"/health/my_app", 200},
      {"/health/my%5fapp", 200},
      {"/health/a%20b%2Fc", 200},
      {"/health/other", 404},
      {"/health/", 404},
      {"/health/%zz", 400},
      {"/health/%4", 400},
      {"/%6detrics", 200},
      {"/%2D/healthy", 200},
      {"/api%2Fv1/status", 404},
      {"/%68ealth/my_app", 200},
      {"/health%2Fmy_app", 404},
      {"/health/a%2520b", 404},
      {"/%", 404},
      {"http://x/metrics", 200},
      {"HTTP://x", 200},
      {"/-/healthy", 200},
      {"/-/ready", 200},
      {"/", 200},
      {"/?x", 200},
      {"/api/v1/status", 200},
      {"/api/v1/history", 200},
      {"/api/v1/history?after=x", 200},
      {"/favicon.ico", 404},
      {"/METRICS", 404},
  };
  for (const auto& [path, status] : table) {
    EXPECT_EQ(Get(served.port(), path).status, status) << path;
    const TestResponse head = Request(served.port(), "HEAD", path);
    EXPECT_EQ(head.status, status) << path;
  }
}

TEST(HttpServer, AllowsGetAndHeadAlone) {
  const Served served;
  for (const char* path :
       {"/metrics", "/health", "/health/x", "/-/healthy", "/-/ready", "/",
        "/api/v1/status", "/api/v1/history"}) {
    for (const char* method :
         {"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get"}) {
      const TestResponse response = Request(served.port(), method, path);
      EXPECT_EQ(response.status, 405) << method << path;
      EXPECT_EQ(response.Header("Allow"), "GET, HEAD");
    }
  }
}

TEST(HttpServer, HidesTheLifecycleUntilItIsEnabled) {
  Served served;
  for (const char* path : {"/-/reload", "/-/quit"}) {
    EXPECT_EQ(Request(served.port(), "POST", path).status, 403);
    EXPECT_EQ(Get(served.port(), path).status, 405);
    EXPECT_EQ(Get(served.port(), path).Header("Allow"), "POST, PUT");
  }
  EXPECT_FALSE(served.quit);
}

TEST(HttpServer, ReloadsAndQuitsWhenEnabled) {
  Flags flags = Here();
  flags.web_enable_lifecycle = true;
  Served served(flags);
  EXPECT_EQ(Request(served.port(), "POST", "/-/reload").status, 200);
  EXPECT_EQ(Request(served.port(), "PUT", "/-/reload").status, 200);
  served.reload_error = "config.yml:3: x: broken";
  const TestResponse failed = Request(served.port(), "POST", "/-/reload");
  EXPECT_EQ(failed.status, 500);
  EXPECT_NE(failed.body.find("config.yml:3: x: broken"), std::string::npos);
  EXPECT_EQ(Request(served.port(), "POST", "/-/quit").status, 200);
  EXPECT_TRUE(served.quit);
}

TEST(HttpServer, IsReadyWhenItIs) {
  Served served;
  served.ready = false;
  EXPECT_EQ(Get(served.port(), "/-/ready").status, 503);
  EXPECT_EQ(Get(served.port(), "/-/healthy").status, 200);
}

TEST(HttpServer, ServesAnotherTelemetryPath) {
  Flags flags = Here();
  flags.web_telemetry_path = "/probe/metrics";
  const Served served(flags);
  EXPECT_EQ(Get(served.port(), "/metrics").status, 404);
  EXPECT_EQ(Get(served.port(), "/probe/metrics").status, 200);
  EXPECT_NE(Get(served.port(), "/").body.find("/probe/metrics"),
            std::string::npos);
}

TEST(HttpServer, ServesTheSeriesOnTheRootWhereItIsTold) {
  Flags flags = Here();
  flags.web_telemetry_path = "/";
  const Served served(flags);
  EXPECT_TRUE(Get(served.port(), "/").body.starts_with("# HELP"));
}

TEST(HttpServer, RefusesAStartThatCannotWork) {
  Flags flags = Here();
  for (const char* path : {"metrics", "", "/health", "/health/x", "/-/ready"}) {
    flags.web_telemetry_path = path;
    EXPECT_THROW(Served{flags}, ConfigError) << path;
  }
}

TEST(HttpServer, SaysWhichAddressIsTaken) {
  const Served served;
  Flags flags = Here();
  const std::string address = served.server->addresses().at(0);
  flags.web_listen_addresses = {address};
  try {
    const Served second(flags);
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()), "web.listen_address: cannot bind " +
                                             address +
                                             ": Address already in use");
  }
  flags.web_listen_addresses = {"18125"};
  EXPECT_THROW(Served{flags}, ConfigError);
}

TEST(HttpServer, AddsTheConfiguredHeaders) {
  const TempDir folder;
  WriteFile(folder / "web.yml",
            "http_server_config:\n  headers:\n    X-Frame-Options: deny\n");
  const Served served(Here(), LoadWebState(folder / "web.yml"));
  EXPECT_EQ(Get(served.port(), "/metrics").Header("X-Frame-Options"), "deny");
}

TEST(HttpServer, TakesIPv4WhereItListensOnEveryIPv6Address) {
  Flags flags = Here();
  flags.web_listen_addresses = {"[::]:0"};
  const Served served(flags);
  EXPECT_EQ(Get(served.port(), "/-/healthy").status, 200);
}

TEST(HttpServer, CountsRequestsByHandlerAndCode) {
  Served served;
  Get(served.port(), "/metrics");
  Get(served.port(), "/metrics");
  Get(served.port(), "/health/a");
  Get(served.port(), "/secret/path");
  Request(served.port(), "POST", "/");
  Get(served.port(), "/" + std::string(9000, 'a'));
  Get(served.port(), "/" + std::string(20'000, 'a'));
  Request(served.port(), "POST", "/", "Transfer-Encoding: chunked\r\n");
  served.server.reset();
  const std::map<std::string, int> expected = {
      {"/metrics 200", 2}, {"/health/:app 404", 1}, {"other 404", 1},
      {"/ 405", 1},        {"refused 411", 1},      {"refused 414", 1},
      {"refused 431", 1}};
  EXPECT_EQ(served.counts, expected);
}

TEST(HttpServer, AnswersScrapesBeyondTheLimitWith503) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::shared_future<void> gate = go_on.get_future().share();
  Flags flags = Here();
  flags.web_max_requests = 1;
  Served served(flags);
  served.scrape = [&](auto) {
    begun.set_value();
    gate.wait();
    return OneFamily();
  };
  TestClient first(served.port());
  first.Send("GET /metrics HTTP/1.1\r\n\r\n");
  begun.get_future().wait();
  const TestResponse second = Get(served.port(), "/metrics");
  EXPECT_EQ(second.status, 503);
  EXPECT_EQ(second.body,
            "Limit of concurrent requests reached (1), try again later\n");
  EXPECT_EQ(Get(served.port(), "/-/healthy").status, 200);
  go_on.set_value();
  EXPECT_EQ(first.Receive().status, 200);
}

TEST(HttpServer, AnswersProbesBesideTwoHundredSlowScrapes) {
  constexpr int kScrapes = 200;
  std::atomic<int> running = 0;
  std::promise<void> all_run;
  std::promise<void> go_on;
  std::shared_future<void> gate = go_on.get_future().share();
  Flags flags = Here();
  flags.web_max_requests = 0;
  Served served(flags);
  served.scrape = [&](auto) {
    if (++running == kScrapes) all_run.set_value();
    gate.wait();
    return OneFamily();
  };
  std::list<TestClient> scrapers;
  for (int i = 0; i < kScrapes; ++i) {
    scrapers.emplace_back(served.port());
    scrapers.back().Send("GET /metrics HTTP/1.1\r\n\r\n");
  }
  all_run.get_future().wait();
  EXPECT_EQ(Get(served.port(), "/-/healthy").status, 200);
  EXPECT_EQ(Get(served.port(), "/-/ready").status, 200);
  go_on.set_value();
  for (TestClient& scraper : scrapers) EXPECT_EQ(scraper.Receive().status, 200);
}

TEST(HttpServer, AnswersAFailureOfAHandlerWith500) {
  Served served;
  served.scrape = [](auto) -> std::vector<MetricFamily> {
    throw std::runtime_error("no memory of it");
  };
  const TestResponse response = Get(served.port(), "/metrics");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("no memory"), std::string::npos);
  EXPECT_EQ(Get(served.port(), "/-/healthy").status, 200);
}

TEST(HttpServer, GivesAScrapeTheTimeThatTheScraperHas) {
  Served served;
  std::chrono::steady_clock::duration left{};
  served.scrape = [&](auto deadline) {
    left = deadline - std::chrono::steady_clock::now();
    return OneFamily();
  };
  Get(served.port(), "/metrics",
      "X-Prometheus-Scrape-Timeout-Seconds: 100\r\n");
  EXPECT_GT(left, std::chrono::seconds(10));
  EXPECT_LT(left, std::chrono::seconds(100));
}

TEST(ScrapeTime, LeavesAMarginForTheAnswer) {
  using std::chrono::milliseconds;
  const std::pair<const char*, int> table[] = {
      {"10", 9500},  {"1", 800},      {"0.5", 400}, {"", 9500},
      {"x", 9500},   {"-1", 9500},    {"0", 9500},  {"nan", 9500},
      {"inf", 9500}, {"1e9", 599500}, {"5s", 9500},
  };
  for (const auto& [header, expected] : table) {
    EXPECT_EQ(ScrapeTime(header), milliseconds(expected)) << header;
  }
}

TEST(StatusPage, IsSelfContainedUnderAStrictPolicy) {
  const Served served;
  const TestResponse page = Get(served.port(), "/");
  EXPECT_EQ(page.Header("Content-Type"), "text/html; charset=utf-8");
  const std::string policy = page.Header("Content-Security-Policy");
  EXPECT_TRUE(policy.starts_with("default-src 'none'; style-src 'sha256-"))
      << policy;
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  // Nothing from elsewhere, no markup made of data.
  for (const char* forbidden :
       {"http://", "https://", "innerHTML", " style=\"", "onclick"}) {
    std::string body = page.body;
    const std::string svg = "http://www.w3.org/2000/svg";
    for (auto at = body.find(svg); at != std::string::npos;
         at = body.find(svg)) {
      body.erase(at, svg.size());  // A name, not an address.
    }
    EXPECT_EQ(body.find(forbidden), std::string::npos) << forbidden;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
