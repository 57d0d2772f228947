// Joins lines to messages by the `multi_line` rules of a log: a line that
// begins with a match of any rule begins a message, the others continue it.
// Without rules every line is a message. Not thread safe.
#pragma once

#include <re2/re2.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace gunicorn_exporter {

// Longer messages and lines are cut; what is cut still belongs to them.
constexpr std::size_t kMaxMessageBytes = 64 * 1024;

// The compiled rules of a log, shared by its files.
class MessageRules {
 public:
  explicit MessageRules(const std::vector<MultiLineRule>& rules);

  bool empty() const { return starts_.empty(); }
  bool Begins(std::string_view line) const;

 private:
  std::vector<std::unique_ptr<const re2::RE2>> starts_;
};

class MessageAssembler {
 public:
  using Clock = std::chrono::steady_clock;
  using Sink = std::function<void(std::string_view message)>;

  // `rules` must outlive the assembler.
  explicit MessageAssembler(const MessageRules& rules) : rules_(rules) {}

  // `offset` is where the line begins in its file. Gives the messages that end
  // before it to the sink.
  void AddLine(std::string_view line, std::uint64_t offset,
               Clock::time_point now, const Sink& sink);
  // Gives out a message that has waited for a second, since nobody can tell
  // whether it goes on.
  void FlushIdle(Clock::time_point now, const Sink& sink);
  void Flush(const Sink& sink);
  void Drop() { has_pending_ = false; }

  // Where the unfinished message begins; `otherwise` where there is none.
  std::uint64_t PendingOffset(std::uint64_t otherwise) const {
    return has_pending_ ? pending_offset_ : otherwise;
  }

 private:
  const MessageRules& rules_;
  bool has_pending_ = false;
  std::string pending_;
  std::uint64_t pending_offset_ = 0;
  Clock::time_point last_line_;
};

}  // namespace gunicorn_exporter
