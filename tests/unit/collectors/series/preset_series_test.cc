// The zeros that an app has as soon as it is known, by whatever means.
#include <string>

#include "tests/unit/collectors/statsd/lines/line_handler_fixture.h"

namespace gunicorn_exporter {
namespace {

class PresetSeriesTest : public LineHandlerTest {
 protected:
  double Series() { return Value("gunicorn_exporter_statsd_series", ""); }
  double Refused() {
    return Value("gunicorn_exporter_statsd_refused_series_total",
                 R"(reason="limit")");
  }
  // Requests, four levels, and the preset codes.
  double Wanted() const {
    return 5.0 + static_cast<double>(config_.statsd.preset_status_codes.size());
  }
};

TEST_F(PresetSeriesTest, ThoseOfAKnownAppThatFindNoRoomAreCountedOnce) {
  config_.statsd.max_series = 10;
  store().SetKnownApps({{"shop", "", ""}});
  EXPECT_EQ(Series(), 10);
  EXPECT_EQ(Refused(), Wanted() - 10);
  store().SetKnownApps({{"shop", "", ""}});
  EXPECT_EQ(Refused(), Wanted() - 10);
}

TEST_F(PresetSeriesTest, ThoseOfAFirstLineThatFindNoRoomAreCountedOnce) {
  config_.statsd.max_series = 10;
  Send("gunicorn.requests:1|c|#app:shop");
  EXPECT_EQ(Requests("shop"), 1);
  EXPECT_EQ(Series(), 10);
  EXPECT_EQ(Refused(), Wanted() - 10);
  Send("gunicorn.requests:1|c|#app:shop");
  store().SetKnownApps({});
  EXPECT_EQ(Refused(), Wanted() - 10);
}

TEST_F(PresetSeriesTest, ThoseOfATaggedFirstLineAreCountedToo) {
  config_.statsd.max_series = 10;
  config_.statsd.tag_labels = {"env"};
  Send("gunicorn.requests:1|c|#app:shop,env:prod");
  EXPECT_EQ(Value("gunicorn_requests_total", R"(app="shop",env="prod")"), 1);
  EXPECT_EQ(Series(), 10);
  EXPECT_EQ(Refused(), 1 + Wanted() - 10);
}

TEST_F(PresetSeriesTest, AReloadGivesANewCodeToEveryApp) {
  config_.statsd.preset_status_codes = {200};
  config_.process.pod_labels = true;
  const AppId in_pod{"shop", "pod", "container"};
  store().SetKnownApps({in_pod});
  Send("gunicorn.requests:1|c|#app:shop\ngunicorn.requests:1|c|#app:other");
  Config changed = config_;
  changed.statsd.preset_status_codes = {200, 500};
  store().Reconfigure(changed);
  store().SetKnownApps({in_pod});
  const std::string no_pod = R"(,pod_uid="",container_id="")";
  for (const std::string& app :
       {R"(app="shop")" + no_pod, R"(app="other")" + no_pod,
        std::string(R"(app="shop",pod_uid="pod",container_id="container")")}) {
    const auto status = [&](const std::string& code) {
      return Value("gunicorn_request_status_total",
                   app + ",code=\"" + code + "\"");
    };
    EXPECT_EQ(status("200"), 0) << app;
    EXPECT_EQ(status("500"), 0) << app;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
