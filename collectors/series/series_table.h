// Every label set and its series, for the apps that are known and for those
// that lines have named: who has room, what expires, what a reload changes.
//
// Not safe from several threads: the store's lock guards it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/metric_family.h"
#include "collectors/series/app_series.h"
#include "collectors/series/series_budget.h"
#include "collectors/series/series_key.h"
#include "collectors/series/series_options.h"
#include "collectors/series/time_point.h"
#include "config/config.h"

namespace gunicorn_exporter {

class SeriesTable {
 public:
  using LabelSets = std::map<SeriesKey, AppSeries>;

  explicit SeriesTable(const Config& config);

  // See MetricStore.
  void SetKnownApps(std::vector<AppId> apps, const TimePoint& now);
  void EndArbiters(const std::vector<AppId>& apps);
  void Reconfigure(const Config& config);
  // Removes what statsd.series_ttl says.
  void Expire(std::chrono::milliseconds now);

  // `now` outlives the answer, which holds until Reconfigure.
  SeriesContext Context(const TimePoint& now) {
    return {now, *options_, budget_};
  }
  // Adds an event. Nothing is changed where it is refused.
  Refusal Add(SeriesRef& ref, const Event& event,
              const SeriesContext& context) {
    if (ref.series == nullptr || ref.epoch != epoch_) {
      return ResolveAndAdd(ref, event, context);
    }
    return ref.series->Add(event, ref.foreign.get(), context);
  }
  // The zeros of an app; those without room are counted once.
  void AddPresets(const std::string& app_name, AppSeries& app,
                  const SeriesContext& context);
  void CountRefused(Refusal refusal, const SeriesRef& ref);

  const LabelSets& label_sets() const { return label_sets_; }
  const Config& config() const { return config_; }
  const std::vector<AppId>& known_apps() const { return known_apps_; }
  const std::shared_ptr<const SeriesOptions>& options() const {
    return options_;
  }
  bool has_foreign() const { return !budget_.foreign_names.empty(); }
  std::size_t series() const { return budget_.used(); }
  // By Refusal.
  const std::array<std::uint64_t, kRefusals>& refused() const {
    return refused_;
  }

 private:
  Refusal ResolveAndAdd(SeriesRef& ref, const Event& event,
                        const SeriesContext& context);
  AppSeries& FindOrInsert(const AppId& app);
  AppSeries& Insert(SeriesKey key, AppSeries series);
  template <typename IsGone>  // (key, series)
  void EraseIf(IsGone is_gone);
  void EndReservations();
  void SetLimits();
  void MakeRoom();
  void RemoveLongestSilentForeign(std::size_t count);
  void Rekey();
  SeriesKey Normalised(const SeriesKey& key) const;
  LabelSetPtr MakeLabelsOf(const SeriesKey& key) const;

  Config config_;
  std::shared_ptr<const SeriesOptions> options_;
  LabelSets label_sets_;
  std::vector<AppId> known_apps_;  // Their label sets have reservations.
  SeriesBudget budget_;
  std::array<std::uint64_t, kRefusals> refused_{};
  // Changes when a series that a SeriesRef may point to is gone.
  std::uint64_t epoch_ = 1;
  bool warned_evicted_ = false;
  std::set<std::string> told_conflicts_;  // By the refused name.
};

}  // namespace gunicorn_exporter
