#include "collectors/logs/message_assembler.h"

#include <algorithm>

namespace gunicorn_exporter {
namespace {

// As the agents wait.
constexpr std::chrono::seconds kMaxWait{1};

}  // namespace

MessageRules::MessageRules(const std::vector<MultiLineRule>& rules) {
  for (const MultiLineRule& rule : rules) {
    starts_.push_back(
        std::make_unique<const re2::RE2>(rule.pattern, re2::RE2::Quiet));
  }
}

bool MessageRules::Begins(std::string_view line) const {
  const re2::StringPiece text(line.data(), line.size());
  return std::any_of(starts_.begin(), starts_.end(), [&](const auto& start) {
    return start->Match(text, 0, text.size(), re2::RE2::ANCHOR_START, nullptr,
                        0);
  });
}

void MessageAssembler::AddLine(std::string_view line, std::uint64_t offset,
                               Clock::time_point now, const Sink& sink) {
  if (rules_.empty()) {
    sink(line);
    return;
  }
  if (!has_pending_ || rules_.Begins(line)) {
    Flush(sink);
    has_pending_ = true;
    pending_ = line;
    pending_offset_ = offset;
  } else if (pending_.size() < kMaxMessageBytes) {
    pending_ += '\n';
    pending_ += line.substr(
        0, kMaxMessageBytes - std::min(kMaxMessageBytes, pending_.size()));
  }
  last_line_ = now;
}

void MessageAssembler::FlushIdle(Clock::time_point now, const Sink& sink) {
  if (has_pending_ && now - last_line_ >= kMaxWait) Flush(sink);
}

void MessageAssembler::Flush(const Sink& sink) {
  if (!has_pending_) return;
  has_pending_ = false;
  sink(pending_);
}

}  // namespace gunicorn_exporter
