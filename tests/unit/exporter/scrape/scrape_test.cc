#include "exporter/scrape/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <new>

namespace gunicorn_exporter {
namespace {

constexpr Collector::Deadline kDeadline{std::chrono::seconds(5)};

MetricFamily Gauge(const std::string& name, double value) {
  MetricFamily family{name, "A gauge.", MetricType::kGauge, {}};
  AddSeries(family, nullptr, nullptr, value);
  return family;
}

class FixedCollector : public Collector {
 public:
  FixedCollector(std::string name, std::string family, std::string error = "")
      : name_(std::move(name)),
        family_(std::move(family)),
        error_(std::move(error)) {}
  std::string_view Name() const override { return name_; }
  Collected Collect(Deadline deadline) override {
    deadline_ = deadline;
    Collected collected;
    collected.families.push_back(Gauge(family_, 7));
    collected.error = error_;
    return collected;
  }
  Deadline deadline() const { return deadline_; }

 private:
  std::string name_;
  std::string family_;
  std::string error_;
  Deadline deadline_;
};

class ThrowingCollector : public Collector {
 public:
  std::string_view Name() const override { return "throwing"; }
  Collected Collect(Deadline /*deadline*/) override { throw std::bad_alloc(); }
};

// Its answer is an error, once: the scrape that gets it waits for the other.
class OnceFailingCollector : public Collector {
 public:
  std::string_view Name() const override { return "once"; }
  Collected Collect(Deadline /*deadline*/) override {
    const bool is_first = calls_.fetch_add(1) == 0;
    both_ask_.arrive_and_wait();
    return {{}, is_first ? "late" : ""};
  }

 private:
  std::atomic<int> calls_ = 0;
  std::latch both_ask_{2};
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
  FixedCollector fixed("fixed", "gunicorn_x");
  ThrowingCollector throwing;
  const auto families = Scraper({&throwing, &fixed}).Collect(kDeadline);
  EXPECT_NE(Find(families, "gunicorn_x"), nullptr);
  EXPECT_EQ(Success(families, "fixed"), 1);
  EXPECT_EQ(Success(families, "throwing"), 0);
}

TEST(Scraper, ShowsWhatACollectorHasThatSaysOfAnError) {
  FixedCollector late("late", "gunicorn_x", "no answer");
  const auto families = Scraper({&late}).Collect(kDeadline);
  EXPECT_NE(Find(families, "gunicorn_x"), nullptr);
  EXPECT_EQ(Success(families, "late"), 0);
  EXPECT_EQ(late.deadline(), kDeadline);
}

TEST(Scraper, TellsEachOfTwoScrapesItsOwnSuccess) {
  OnceFailingCollector once;
  Scraper scraper({&once});
  auto other = std::async(std::launch::async,
                          [&] { return scraper.Collect(kDeadline); });
  const auto mine = scraper.Collect(kDeadline);
  EXPECT_EQ(Success(mine, "once") + Success(other.get(), "once"), 1);
}

}  // namespace
}  // namespace gunicorn_exporter
