#include "collectors/logs/message_assembler.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "collectors/logs/strip_prefix.h"

namespace gunicorn_exporter {
namespace {

// As the agents wait.
constexpr std::chrono::seconds kMaxWait{1};
// Behind one whose end does not come.
constexpr std::size_t kMaxWaiting = 1024;

}  // namespace

MessageRules::MessageRules(const LogSourceConfig& source)
    : parser_(std::make_unique<const LogParser>(source)) {
  for (const MultiLineRule& rule : source.multi_line) {
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

bool MessageRules::IsAccessLine(std::string_view line) const {
  return std::holds_alternative<AccessLine>(parser_->Parse(line));
}

MessageAssembler::Message* MessageAssembler::FindOpen(bool is_stderr) {
  const auto open = std::find_if(
      waiting_.begin(), waiting_.end(), [is_stderr](const Message& message) {
        return !message.is_complete && message.is_stderr == is_stderr;
      });
  return open != waiting_.end() ? &*open : nullptr;
}

void MessageAssembler::AddLine(std::string_view line, std::uint64_t offset,
                               Clock::time_point now, const Sink& sink) {
  const StrippedLine part = StripPrefix(line, buffer_);
  Message* open = FindOpen(part.is_stderr);
  // A rule may have been written for the line as it stands in the file.
  const bool has_match = rules_.Begins(part.text) || rules_.Begins(line);
  if (open != nullptr && !open->is_line_partial &&
      (rules_.empty() || has_match ||
       (!part.is_partial && rules_.IsAccessLine(part.text)))) {
    open->is_complete = true;
    GiveOut(sink);
    open = nullptr;
  }
  if (open == nullptr) {
    if (part.text.empty()) return;
    if (waiting_.empty() && !has_match && !part.is_partial) {
      sink(part.text, tracebacks_[part.is_stderr ? 1 : 0]);
      return;
    }
    open = &waiting_.emplace_back();
    open->text = std::exchange(spare_, {});
    open->text.clear();
    open->offset = offset;
    open->is_stderr = part.is_stderr;
    open->has_match = has_match;
  } else if (!open->is_line_partial && open->text.size() < kMaxMessageBytes) {
    open->text += '\n';
  }
  open->text += part.text.substr(
      0, kMaxMessageBytes - std::min(kMaxMessageBytes, open->text.size()));
  open->is_line_partial = part.is_partial;
  // Lines that the rules were not written for must not become one message, of
  // which only the first line would count.
  open->is_complete = !open->has_match && !part.is_partial;
  open->last_line = now;
  if (waiting_.size() > kMaxWaiting) waiting_.front().is_complete = true;
  GiveOut(sink);
}

void MessageAssembler::FlushIdle(Clock::time_point now, const Sink& sink) {
  if (waiting_.empty()) return;
  for (Message& message : waiting_) {
    if (now - message.last_line >= kMaxWait) message.is_complete = true;
  }
  GiveOut(sink);
}

void MessageAssembler::Flush(const Sink& sink) {
  for (Message& message : waiting_) message.is_complete = true;
  GiveOut(sink);
}

void MessageAssembler::GiveOut(const Sink& sink) {
  while (!waiting_.empty() && waiting_.front().is_complete) {
    Message& message = waiting_.front();
    sink(message.text, tracebacks_[message.is_stderr ? 1 : 0]);
    spare_ = std::move(message.text);
    waiting_.pop_front();
  }
}

}  // namespace gunicorn_exporter
