// Joins the lines of a file to messages. First what a container's runtime wrote
// before a line is taken off, and a line that it cut is put together again (see
// strip_prefix.h); then the `multi_line` rules of the log hold: a line that
// begins with a match of any rule begins a message, the others continue it, but
// for access lines: a file may hold those of both logs. Where there is none to
// continue, or there are no rules, every line is a message. stdout and stderr
// are apart.
//
// Messages are given out in the order in which they begin, so that one place in
// the file tells what was given out. Not thread safe.
#pragma once

#include <re2/re2.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/logs/log_parser.h"
#include "collectors/logs/traceback.h"
#include "config/config.h"

namespace gunicorn_exporter {

// Longer messages and lines are cut; what is cut still belongs to them.
constexpr std::size_t kMaxMessageBytes = 64 * 1024;

// The compiled rules and formats of a log, shared by its files.
class MessageRules {
 public:
  explicit MessageRules(const LogSourceConfig& source);

  bool empty() const { return starts_.empty(); }
  bool Begins(std::string_view line) const;
  bool IsAccessLine(std::string_view line) const;
  const LogParser& parser() const { return *parser_; }

 private:
  std::vector<std::unique_ptr<const re2::RE2>> starts_;
  std::unique_ptr<const LogParser> parser_;
};

class MessageAssembler {
 public:
  using Clock = std::chrono::steady_clock;
  // `traceback` is that of the stream from which the message comes.
  using Sink =
      std::function<void(std::string_view message, Traceback& traceback)>;

  // `rules` must outlive the assembler.
  explicit MessageAssembler(const MessageRules& rules) : rules_(rules) {}

  // `offset` is where the line begins in its file. Gives the messages that end
  // before it to the sink.
  void AddLine(std::string_view line, std::uint64_t offset,
               Clock::time_point now, const Sink& sink);
  // Gives out the messages that have waited for a second, since nobody can tell
  // whether they go on.
  void FlushIdle(Clock::time_point now, const Sink& sink);
  void Flush(const Sink& sink);
  void Drop() { waiting_.clear(); }

  // Where the first message begins that is not given out; `otherwise` where
  // there is none.
  std::uint64_t PendingOffset(std::uint64_t otherwise) const {
    return waiting_.empty() ? otherwise : waiting_.front().offset;
  }

 private:
  struct Message {
    std::string text;
    std::uint64_t offset = 0;
    bool is_stderr = false;
    bool has_match = false;        // It begins with that of a rule.
    bool is_line_partial = false;  // Its last line goes on.
    bool is_complete = false;
    Clock::time_point last_line;
  };

  Message* FindOpen(bool is_stderr);
  void GiveOut(const Sink& sink);

  const MessageRules& rules_;
  std::deque<Message> waiting_;  // At most one of each stream is incomplete.
  std::array<Traceback, 2> tracebacks_;  // Of stdout and stderr.
  std::string buffer_;                   // Of StripPrefix.
  std::string spare_;                    // A text's memory, for the next one.
};

}  // namespace gunicorn_exporter
