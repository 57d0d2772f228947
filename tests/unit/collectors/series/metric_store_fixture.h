// A store to add events to and to scrape.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectors/series/metric_store.h"
#include "tests/support/fake_time.h"
#include "tests/support/find_series.h"

namespace gunicorn_exporter {

class MetricStoreTest : public testing::Test {
 protected:
  static AppId App(const std::string& name) { return {name, "", ""}; }

  MetricStore& store() {
    if (!store_) store_.emplace(config_, time_.Source());
    return *store_;
  }
  void AddTo(SeriesRef ref, const Event& event) {
    StoreOp op{&ref, event, true};
    store().Add({&op, 1});
  }
  void Add(const SeriesKey& key, const Event& event) {
    AddTo(SeriesRef{key}, event);
  }
  void Add(const std::string& app, EventKind kind, double value = 1,
           std::uint16_t code = 0) {
    Event event;
    event.kind = kind;
    event.value = value;
    event.code = code;
    Add({App(app), {}}, event);
  }
  void AddRequest(const std::string& app) { Add(app, EventKind::kRequests); }
  std::vector<MetricFamily> Collect() { return store().Collect({}).families; }
  double Requests(const std::string& app) {
    return ValueOf(Collect(), "gunicorn_requests_total", "app=\"" + app + "\"");
  }
  double Series() {
    return ValueOf(Collect(), "gunicorn_exporter_statsd_series", "");
  }
  double Refused() {
    return ValueOf(Collect(), "gunicorn_exporter_statsd_refused_series_total",
                   R"(reason="limit")");
  }
  static std::size_t CountSeries(const std::vector<MetricFamily>& families) {
    std::size_t count = 0;
    for (const MetricFamily& family : families) {
      if (!family.name.starts_with("gunicorn_exporter_")) {
        count += family.series.size();
      }
    }
    return count;
  }

  Config config_;
  FakeTime time_;

 private:
  std::optional<MetricStore> store_;
};

}  // namespace gunicorn_exporter
