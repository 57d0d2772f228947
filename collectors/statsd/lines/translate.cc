#include "collectors/statsd/lines/translate.h"

#include <algorithm>
#include <cstddef>

#include "config/base/number.h"
#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

constexpr unsigned Bit(SampleType type) {
  return 1U << static_cast<unsigned>(type);
}

constexpr unsigned kCounter = Bit(SampleType::kCounter);
constexpr unsigned kGauge = Bit(SampleType::kGauge);
// gunicorn wrote every histogram as `ms` until it learnt to write `h`.
constexpr unsigned kObservation = Bit(SampleType::kTimer) |
                                  Bit(SampleType::kHistogram) |
                                  Bit(SampleType::kDistribution);

struct Name {
  std::string_view name;
  EventKind kind;
  unsigned types;
  MessageLevel level = MessageLevel::kCritical;
};

constexpr Name kNames[] = {
    {"gunicorn.requests", EventKind::kRequests, kCounter},
    {"gunicorn.request.duration", EventKind::kDuration, kObservation},
    {"gunicorn.log.critical", EventKind::kLogMessage, kCounter,
     MessageLevel::kCritical},
    {"gunicorn.log.error", EventKind::kLogMessage, kCounter,
     MessageLevel::kError},
    {"gunicorn.log.warning", EventKind::kLogMessage, kCounter,
     MessageLevel::kWarning},
    {"gunicorn.log.exception", EventKind::kLogMessage, kCounter,
     MessageLevel::kException},
    {"gunicorn.workers", EventKind::kArbiterWorkers, kGauge},
    {"gunicorn.backlog", EventKind::kBacklog, kObservation},
    {"gunicorn.socket.backlog", EventKind::kBacklog, kGauge},
};
constexpr std::string_view kStatusName = "gunicorn.request.status.";
constexpr std::size_t kStatusDigits = 3;

// my_prefix.gunicorn.request.status.404
//                                   ^^^
// 0 where that is not what the name ends in; else 100 to 599.
unsigned StatusCode(std::string_view name) {
  if (name.size() < kStatusName.size() + kStatusDigits) return 0;
  const std::string_view digits = name.substr(name.size() - kStatusDigits);
  if (!IsDigit(digits[0]) || !IsDigit(digits[1]) || !IsDigit(digits[2]) ||
      !name.substr(0, name.size() - kStatusDigits).ends_with(kStatusName)) {
    return 0;
  }
  const unsigned code = static_cast<unsigned>(digits[0] - '0') * 100 +
                        static_cast<unsigned>(digits[1] - '0') * 10 +
                        static_cast<unsigned>(digits[2] - '0');
  return code >= 100 && code <= 599 ? code : 0;
}

// The types that fit the name, 0 where it is not gunicorn's. Takes gunicorn's
// own name off the end of `name`.
unsigned TakeGunicornName(std::string_view& name, Event& event) {
  if (IsDigit(name.back())) {  // No other name ends in one.
    const unsigned code = StatusCode(name);
    if (code == 0) return 0;
    event.kind = EventKind::kStatus;
    event.code = static_cast<std::uint16_t>(code);
    name.remove_suffix(kStatusName.size() + kStatusDigits);
    return kCounter;
  }
  for (const Name& candidate : kNames) {
    if (name.back() != candidate.name.back() ||
        !name.ends_with(candidate.name)) {
      continue;
    }
    event.kind = candidate.kind;
    event.level = candidate.level;
    name.remove_suffix(candidate.name.size());
    return candidate.types;
  }
  return 0;
}

// gunicorn puts a dot after a prefix, but not after one of a single
// character.
bool TakePrefix(std::string_view before, std::string_view& prefix) {
  prefix = WithoutLastDots(before);
  return prefix.size() < before.size() || prefix.empty() ||
         std::all_of(prefix.begin() + 1, prefix.end(), IsUtf8Continuation);
}

}  // namespace

std::string_view WithoutLastDots(std::string_view prefix) {
  while (prefix.ends_with('.')) prefix.remove_suffix(1);
  return prefix;
}

bool HasNegative(const Sample& sample) {
  if (sample.first.value < 0) return true;
  std::string_view others = sample.others;
  SampleValue value;
  while (!others.empty() && TakeValue(others, value)) {
    if (value.value < 0) return true;
  }
  return false;
}

std::string_view ForeignPrefix(std::string_view name) {
  const std::size_t end = name.rfind(".gunicorn.");
  if (end == std::string_view::npos) return {};
  return WithoutLastDots(name.substr(0, end));
}

LineVerdict Translate(const Sample& sample, Event& event,
                      std::string_view& prefix) {
  std::string_view rest = sample.name;
  event = Event();
  const unsigned types = TakeGunicornName(rest, event);
  if (types == 0 || !TakePrefix(rest, prefix)) return LineVerdict::kUnmatched;
  if ((types & Bit(sample.type)) == 0) return LineVerdict::kBadType;
  const bool is_negative =
      sample.others.empty() ? sample.first.value < 0 : HasNegative(sample);
  if (is_negative && event.kind != EventKind::kArbiterWorkers) {
    return LineVerdict::kBadValue;
  }
  event.weight = sample.weight;
  SetEventValue(sample.first, event);
  return LineVerdict::kAccepted;
}

void SetEventValue(const SampleValue& value, Event& event) {
  event.value = value.value;
  if (event.kind == EventKind::kDuration) {
    constexpr double kMillisecondsInASecond = 1000;
    event.value /= kMillisecondsInASecond;
  } else if (event.kind == EventKind::kArbiterWorkers) {
    event.is_delta = value.has_sign;
  }
}

}  // namespace gunicorn_exporter
