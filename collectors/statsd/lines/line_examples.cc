#include "collectors/statsd/lines/line_examples.h"

#include <string_view>
#include <utility>

#include "config/base/address.h"
#include "config/base/log.h"

namespace gunicorn_exporter {
namespace {

constexpr LineExamples::Time kShownEvery = std::chrono::minutes(1);
constexpr std::size_t kShownBytes = 200;

std::string SenderText(const DatagramSource& source) {
  if (source.pid != 0) return "pid " + std::to_string(source.pid);
  if (source.address != nullptr) return FormatAddress(*source.address);
  return source.connection == nullptr ? "" : PeerAddress(*source.connection);
}

std::string_view ReasonOf(LineExamples::Kind kind) {
  using E = LineExamples;
  if (kind == E::KindOf(LineVerdict::kAccepted)) return "foreign";
  if (kind < kLineVerdicts) return VerdictName(static_cast<LineVerdict>(kind));
  return RefusalName(static_cast<Refusal>(kind - E::KindOf(Refusal::kNone)));
}

}  // namespace

LineExample MakeExample(const ReceivedLine& line) {
  const std::chrono::duration<double> unix_time =
      std::chrono::system_clock::now().time_since_epoch();
  return {"", std::string(line.text.substr(0, kShownBytes)),
          SenderText(line.source), unix_time.count(), line.transport};
}

void LineExamples::Show(Kind kind, LineExample example, Time now) {
  due_at_[kind] = now + kShownEvery;
  example.reason = ReasonOf(kind);
  LogEvent(LogLevel::kDebug, "statsd_line_example",
           {{"reason", example.reason},
            {"transport", std::string(TransportName(example.transport))},
            {"sender", example.sender},
            {"line", example.line}});
  const std::lock_guard lock(mutex_);
  last_[kind] = std::move(example);
}

std::vector<LineExample> LineExamples::Last() const {
  const std::lock_guard lock(mutex_);
  std::vector<LineExample> examples;
  for (const LineExample& example : last_) {
    if (!example.reason.empty()) examples.push_back(example);
  }
  return examples;
}

}  // namespace gunicorn_exporter
