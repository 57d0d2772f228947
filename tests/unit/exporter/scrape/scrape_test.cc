#include "exporter/scrape/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>

namespace gunicorn_exporter {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

MetricFamily Gauge(const std::string& name, double value) {
  MetricFamily family{name, "A gauge.", MetricType::kGauge, {}};
  AddSeries(family, nullptr, nullptr, value);
  return family;
}

class FixedCollector : public Collector {
 public:
  FixedCollector(std::string name, std::string family)
      : name_(std::move(name)), family_(std::move(family)) {}
  std::string_view Name() const override { return name_; }
  std::vector<MetricFamily> Collect() override {
    std::vector<MetricFamily> families;
    families.push_back(Gauge(family_, 7));
    return families;
  }

 private:
  std::string name_;
  std::string family_;
};

class ThrowingCollector : public Collector {
 public:
  std::string_view Name() const override { return "throwing"; }
  std::vector<MetricFamily> Collect() override {
    throw std::runtime_error("open /proc: Permission denied");
  }
};

class HangingCollector : public Collector {
 public:
  std::string_view Name() const override { return "hanging"; }
  std::vector<MetricFamily> Collect() override {
    release.get_future().wait();
    return {};
  }
  std::promise<void> release;
};

// Tells what another collector has found out by the time that it is asked.
class FollowingCollector : public Collector {
 public:
  explicit FollowingCollector(const std::atomic<int>& calls_before)
      : calls_before_(calls_before) {}
  std::string_view Name() const override { return "following"; }
  std::vector<MetricFamily> Collect() override {
    asked_at = Scraper::Clock::now();
    std::vector<MetricFamily> families;
    families.push_back(Gauge("calls_before", calls_before_));
    return families;
  }
  Scraper::Clock::time_point asked_at;

 private:
  const std::atomic<int>& calls_before_;
};

class CountingCollector : public Collector {
 public:
  std::string_view Name() const override { return "counting"; }
  std::vector<MetricFamily> Collect() override {
    ++calls;
    return {};
  }
  std::atomic<int> calls = 0;
};

const MetricFamily* Find(const std::vector<MetricFamily>& families,
                         const std::string& name) {
  for (const MetricFamily& family : families) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

// The value of gunicorn_exporter_collector_success for one collector.
double Success(const std::vector<MetricFamily>& families,
               const std::string& collector) {
  const MetricFamily* const family =
      Find(families, "gunicorn_exporter_collector_success");
  if (family == nullptr) return -1;
  for (const Series& series : family->series) {
    if (series.own->text() == "collector=\"" + collector + "\"") {
      return series.value;
    }
  }
  return -1;
}

TEST(MergeFamilies, SortsThemAndMergesThoseOfOneName) {
  std::vector<MetricFamily> families;
  families.push_back(Gauge("b", 1));
  families.push_back(Gauge("a", 2));
  families.push_back(Gauge("b", 3));
  const auto merged = MergeFamilies(std::move(families));
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[0].name, "a");
  EXPECT_EQ(merged[1].name, "b");
  ASSERT_EQ(merged[1].series.size(), 2U);
  EXPECT_EQ(merged[1].series[0].value, 1);
  EXPECT_EQ(merged[1].series[1].value, 3);
}

TEST(MergeFamilies, KeepsTheFirstWhereTypesDisagree) {
  std::vector<MetricFamily> families;
  families.push_back(Gauge("a", 1));
  families.push_back(MetricFamily{"a", "A counter.", MetricType::kCounter, {}});
  AddSeries(families.back(), nullptr, nullptr, 2);
  const auto merged = MergeFamilies(std::move(families));
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].type, MetricType::kGauge);
  EXPECT_EQ(merged[0].series.size(), 1U);
}

TEST(Scraper, ServesTheOthersWhereACollectorThrows) {
  SelfMetrics self_metrics(0);
  Scraper scraper({std::make_shared<FixedCollector>("fixed", "gunicorn_x"),
                   std::make_shared<ThrowingCollector>()},
                  self_metrics);
  const auto families = scraper.Collect(std::nullopt);
  EXPECT_NE(Find(families, "gunicorn_x"), nullptr);
  EXPECT_EQ(Success(families, "fixed"), 1);
  EXPECT_EQ(Success(families, "throwing"), 0);
}

TEST(Scraper, AsksACollectorWhenTheOneBeforeHasAnswered) {
  // For one that takes longer, nobody waits: a busy machine may need that long
  // to begin its thread.
  constexpr std::chrono::milliseconds kHeadStart(50);
  SelfMetrics self_metrics(0);
  const auto counting = std::make_shared<CountingCollector>();
  const auto following = std::make_shared<FollowingCollector>(counting->calls);
  Scraper scraper({counting, following}, self_metrics);
  const auto begin = Scraper::Clock::now();
  const auto families = scraper.Collect(std::nullopt);
  ASSERT_NE(Find(families, "calls_before"), nullptr);
  if (following->asked_at - begin < kHeadStart) {
    EXPECT_EQ(Find(families, "calls_before")->series[0].value, 1);
  }
}

TEST(Scraper, LeavesOutACollectorThatIsLate) {
  SelfMetrics self_metrics(0);
  const auto hanging = std::make_shared<HangingCollector>();
  Scraper scraper(
      {hanging, std::make_shared<FixedCollector>("fixed", "gunicorn_x")},
      self_metrics);
  const auto families = scraper.Collect(Scraper::Clock::now());
  EXPECT_EQ(Success(families, "hanging"), 0);
  EXPECT_FALSE(scraper.Drain(Scraper::Clock::now()));
  hanging->release.set_value();
  EXPECT_TRUE(scraper.Drain(Scraper::Clock::now() + seconds(60)));
}

}  // namespace
}  // namespace gunicorn_exporter
