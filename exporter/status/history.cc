#include "exporter/status/history.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

namespace gunicorn_exporter {
namespace {

constexpr float kNotKnown = std::numeric_limits<float>::quiet_NaN();
constexpr std::chrono::milliseconds kMinute{60'000};

// In the order of a point's readings.
constexpr std::array<std::string_view, 9> kNames = {
    "requests_per_second",  "error_ratio",  "p50_seconds",
    "p95_seconds",          "max_seconds",  "working",
    "requests_in_progress", "queue_length", "oldest_request_age_seconds"};

float ToFloat(const std::optional<double>& value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  if (!value || !(std::abs(*value) <= kMost)) return kNotKnown;
  return static_cast<float>(*value);
}

std::size_t PlaceOf(std::int64_t point) {
  return static_cast<std::size_t>(point) % History::kPoints;
}

void AppendNumber(std::string& json, float value) {
  if (std::isnan(value)) {
    json += "null";
    return;
  }
  char text[32];
  json.append(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

void AppendMember(std::string& json, std::string_view name,
                  const std::string& value) {
  using Json = nlohmann::json;
  json += json.back() == '{' ? "\"" : ",\"";
  json += name;
  json += "\":";
  json += Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

History::Milliseconds History::NextPoint(Milliseconds now) {
  return (now / kInterval + 1) * kInterval;
}

bool History::IsDue(Milliseconds now) const {
  const std::lock_guard lock(mutex_);
  return !newest_ || now / kInterval > *newest_;
}

// Since the last point. A counter that fell began anew, from 0; one that is not
// told has not grown, nor have those that counts of a whole life have come to,
// or gone from.
History::Counts History::Grow(const Track& track, const StatusView& app) {
  Counts grown{};
  if (app.holds_shared_counts != track.held_shared_counts) return grown;
  const std::array<std::optional<double>, 4> told = {
      app.requests, AnswersOf(app), ErrorsOf(app), app.requests_lost};
  for (std::size_t i = 0; i < grown.size(); ++i) {
    if (!told[i]) continue;
    const double before = track.told[i];
    grown[i] = *told[i] < before ? *told[i] : *told[i] - before;
  }
  return grown;
}

LastMinute History::MinuteBefore(const Track& track, const StatusView& app,
                                 Milliseconds now) const {
  Counts grown = Grow(track, app);
  // Back to the point that is nearest to a minute old, or to the one before the
  // app came.
  auto begin = times_.rbegin();
  for (auto more = track.grown.rbegin();
       more != track.grown.rend() && now - *begin < kMinute - kInterval / 2;
       ++more, ++begin) {
    for (std::size_t i = 0; i < grown.size(); ++i) grown[i] += (*more)[i];
  }
  const Milliseconds time = now - *begin;
  if (time < kInterval) return {};
  LastMinute minute;
  minute.seconds = std::chrono::duration<double>(time).count();
  const auto [requests, answers, errors, lost] = grown;
  if (app.requests) minute.requests_per_second = requests / *minute.seconds;
  if (!app.status_codes.empty() && answers + lost > 0) {
    minute.error_ratio = (errors + lost) / (answers + lost);
  }
  return minute;
}

void History::Read(Track& track, const StatusView& app, Milliseconds now) {
  if (track.rings != nullptr) {
    const LastMinute minute = MinuteBefore(track, app, now);
    const std::array<float, kReadings> readings = {
        ToFloat(minute.requests_per_second), ToFloat(minute.error_ratio),
        ToFloat(QuantileOf(app, "0.5")),     ToFloat(QuantileOf(app, "0.95")),
        ToFloat(QuantileOf(app, "1")),       ToFloat(app.working),
        ToFloat(app.requests_in_progress),   ToFloat(SumOfQueues(app).length),
        ToFloat(app.oldest_request_seconds)};
    for (std::size_t i = 0; i < kReadings; ++i) {
      if (std::isnan(readings[i])) continue;
      auto& ring = (*track.rings)[i];
      if (ring == nullptr) {
        ring = std::make_unique<Ring>();
        ring->fill(kNotKnown);
      }
      (*ring)[PlaceOf(*newest_)] = readings[i];
    }
  }
  const Counts grown = Grow(track, app);
  track.grown.reserve(kMinutePoints);
  if (track.grown.size() == kMinutePoints) {
    track.grown.erase(track.grown.begin());
  }
  Growth& last = track.grown.emplace_back();
  for (std::size_t i = 0; i < last.size(); ++i) {
    last[i] = static_cast<float>(grown[i]);
  }
  track.held_shared_counts = app.holds_shared_counts;
  track.told = {app.requests.value_or(track.told[0]),
                AnswersOf(app).value_or(track.told[1]),
                ErrorsOf(app).value_or(track.told[2]),
                app.requests_lost.value_or(track.told[3])};
}

void History::Add(Milliseconds now, const StatusViews& apps) {
  const std::int64_t number = now / kInterval;
  const std::lock_guard lock(mutex_);
  if (newest_ && number <= *newest_) return;
  std::map<AppId, Track> tracks;
  for (const auto& [id, app] : apps) {
    auto known = tracks_.extract(id);
    if (!known.empty()) tracks.insert(std::move(known));
  }
  tracks_.swap(tracks);
  apps_with_points_ = 0;
  for (auto& [app, track] : tracks_) {
    if (track.rings == nullptr) continue;
    ++apps_with_points_;
    // Points that are missing, and this one.
    const std::int64_t first =
        std::max(*newest_ + 1, number + 1 - static_cast<std::int64_t>(kPoints));
    for (const auto& ring : *track.rings) {
      if (ring == nullptr) continue;
      for (std::int64_t point = first; point <= number; ++point) {
        (*ring)[PlaceOf(point)] = kNotKnown;
      }
    }
  }
  newest_ = number;
  if (!oldest_) oldest_ = number;
  for (const auto& [id, app] : apps) {
    // One that was not there at the last point has counted all since.
    Track& track = tracks_[id];
    if (track.rings == nullptr && apps_with_points_ < kMostApps) {
      track.rings = std::make_unique<Rings>();
      ++apps_with_points_;
    }
    Read(track, app, now);
  }
  if (times_.size() > kMinutePoints) times_.erase(times_.begin());
  times_.push_back(now);
}

LastMinute History::MinuteOf(const StatusView& app, Milliseconds now) const {
  const std::lock_guard lock(mutex_);
  const auto track = tracks_.find(app.status.app);
  if (track == tracks_.end()) return {};
  return MinuteBefore(track->second, app, now);
}

std::string History::Json(std::int64_t after, const TimePoint& now) const {
  const std::lock_guard lock(mutex_);
  std::string json =
      "{\"time\":" + nlohmann::json(now.unix_seconds).dump() +
      ",\"interval_seconds\":" + std::to_string(kInterval.count() / 1000) +
      ",\"kept\":" + std::to_string(kPoints);
  if (!newest_)
    return json + ",\"newest\":null,\"apps\":[],\"apps_without\":0}\n";
  std::int64_t first =
      std::max(*oldest_, *newest_ + 1 - static_cast<std::int64_t>(kPoints));
  // A number to come is of a life before the machine's last start.
  if (after <= *newest_) first = std::max(first, after + 1);
  const double age =
      std::chrono::duration<double>(now.steady - times_.back()).count();
  json += ",\"first\":" + std::to_string(first) +
          ",\"newest\":" + std::to_string(*newest_) +
          ",\"newest_age_seconds\":" + nlohmann::json(age).dump() +
          ",\"apps_without\":" +
          std::to_string(tracks_.size() - apps_with_points_) + ",\"apps\":[";
  for (const auto& [app, track] : tracks_) {
    if (track.rings == nullptr) continue;
    json += json.back() == '[' ? "{" : ",{";
    AppendMember(json, "app", app.name);
    if (!app.pod_uid.empty()) AppendMember(json, "pod_uid", app.pod_uid);
    if (!app.container_id.empty()) {
      AppendMember(json, "container_id", app.container_id);
    }
    for (std::size_t i = 0; i < kReadings; ++i) {
      json += ",\"";
      json += kNames[i];
      json += "\":[";
      const Ring* ring = (*track.rings)[i].get();
      for (std::int64_t point = first; point <= *newest_; ++point) {
        if (point != first) json += ',';
        AppendNumber(json,
                     ring == nullptr ? kNotKnown : (*ring)[PlaceOf(point)]);
      }
      json += ']';
    }
    json += '}';
  }
  return json + "]}\n";
}

}  // namespace gunicorn_exporter
