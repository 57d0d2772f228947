#include "collectors/statsd/lines/line_examples.h"

#include <string_view>

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

}  // namespace

void LineExamples::Show(LineVerdict verdict, const ReceivedLine& line,
                        Time now) {
  const auto i = static_cast<std::size_t>(verdict);
  shown_[i] = true;
  due_at_[i] = now + kShownEvery;
  ++waiting_;
  const std::chrono::duration<double> unix_time =
      std::chrono::system_clock::now().time_since_epoch();
  LineExample example{
      std::string(verdict == LineVerdict::kAccepted ? "foreign"
                                                    : VerdictName(verdict)),
      std::string(line.text.substr(0, kShownBytes)), SenderText(line.source),
      unix_time.count()};
  LogEvent(LogLevel::kDebug, "statsd_line_example",
           {{"reason", example.reason},
            {"transport", std::string(TransportName(line.transport))},
            {"sender", example.sender},
            {"line", example.line}});
  const std::lock_guard lock(mutex_);
  last_[i] = std::move(example);
}

void LineExamples::Renew(Time now) {
  for (std::size_t i = 0; i < kLineVerdicts; ++i) {
    if (!shown_[i] || now < due_at_[i]) continue;
    shown_[i] = false;
    --waiting_;
  }
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
