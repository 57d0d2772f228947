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

// A counter that fell began anew, from 0; one that is not told has not grown,
// nor have those that counts of a whole life have come to, or gone from.
History::Counts History::Grow(const Track& track, const StatusView& app) {
  const std::array<std::optional<double>, 4> told = {
      app.requests, AnswersOf(app), ErrorsOf(app), app.requests_lost};
  Counts counts = track.counted.back().counts;
  if (app.holds_shared_counts != track.held_shared_counts) return counts;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!told[i]) continue;
    const double before = track.told[i];
    counts[i] += *told[i] < before ? *told[i] : *told[i] - before;
  }
  return counts;
}

LastMinute History::MinuteBefore(const Track& track, const StatusView& app,
                                 Milliseconds now) {
  // The one that is nearest to a minute old, or the oldest.
  const auto then =
      std::find_if(track.counted.rbegin(), track.counted.rend() - 1,
                   [&](const Counted& one) {
                     return now - one.at >= kMinute - kInterval / 2;
                   });
  const Milliseconds time = now - then->at;
  if (time < kInterval) return {};
  LastMinute minute;
  minute.seconds = std::chrono::duration<double>(time).count();
  Counts grown = Grow(track, app);
  for (std::size_t i = 0; i < grown.size(); ++i) grown[i] -= then->counts[i];
  const auto [requests, answers, errors, lost] = grown;
  if (app.requests) minute.requests_per_second = requests / *minute.seconds;
  if (!app.status_codes.empty() && answers + lost > 0) {
    minute.error_ratio = (errors + lost) / (answers + lost);
  }
  return minute;
}

void History::Read(Track& track, const StatusView& app, Milliseconds now) {
  if (track.ring != nullptr) {
    const LastMinute minute = MinuteBefore(track, app, now);
    (*track.ring)[static_cast<std::size_t>(*newest_) % kPoints] = {
        ToFloat(minute.requests_per_second), ToFloat(minute.error_ratio),
        ToFloat(QuantileOf(app, "0.5")),     ToFloat(QuantileOf(app, "0.95")),
        ToFloat(QuantileOf(app, "1")),       ToFloat(app.working),
        ToFloat(app.requests_in_progress),   ToFloat(SumOfQueues(app).length),
        ToFloat(app.oldest_request_seconds)};
  }
  track.counted.push_back({now, Grow(track, app)});
  if (track.counted.size() > kCounted)
    track.counted.erase(track.counted.begin());
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
  rings_ = 0;
  for (auto& [app, track] : tracks_) {
    if (track.ring == nullptr) continue;
    ++rings_;
    // Points that are missing, and this one.
    const std::int64_t first =
        std::max(*newest_ + 1, number + 1 - static_cast<std::int64_t>(kPoints));
    for (std::int64_t point = first; point <= number; ++point) {
      (*track.ring)[static_cast<std::size_t>(point) % kPoints].fill(kNotKnown);
    }
  }
  newest_ = number;
  if (!oldest_) oldest_ = number;
  for (const auto& [id, app] : apps) {
    Track& track = tracks_[id];
    if (track.counted.empty()) {
      // It was not there at the last point: all it has counted came since.
      track.counted.reserve(kCounted + 1);
      track.counted.push_back({last_added_, {}});
    }
    if (track.ring == nullptr && rings_ < kMostApps) {
      track.ring = std::make_unique<Ring>();
      for (Readings& readings : *track.ring) readings.fill(kNotKnown);
      ++rings_;
    }
    Read(track, app, now);
  }
  last_added_ = now;
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
      std::chrono::duration<double>(now.steady - last_added_).count();
  json += ",\"first\":" + std::to_string(first) +
          ",\"newest\":" + std::to_string(*newest_) +
          ",\"newest_age_seconds\":" + nlohmann::json(age).dump() +
          ",\"apps_without\":" + std::to_string(tracks_.size() - rings_) +
          ",\"apps\":[";
  for (const auto& [app, track] : tracks_) {
    if (track.ring == nullptr) continue;
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
      for (std::int64_t point = first; point <= *newest_; ++point) {
        if (point != first) json += ',';
        AppendNumber(
            json, (*track.ring)[static_cast<std::size_t>(point) % kPoints][i]);
      }
      json += ']';
    }
    json += '}';
  }
  return json + "]}\n";
}

}  // namespace gunicorn_exporter
