// Tells what one message of a log says, by the formats that the configuration
// gives, else by those that are known: gunicorn's and uvicorn's own as text, or
// a JSON record, whose message may again be such a text. What a container's
// runtime wrote before it is taken off already; see strip_prefix.h.
//
// No I/O, no clock; any bytes are taken. Safe from any thread.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/logs/log_line.h"
#include "config/config.h"

namespace gunicorn_exporter {

class LogParser {
 public:
  // Its patterns compile and have their groups, as the configuration checks.
  explicit LogParser(const LogSourceConfig& source);

  // `message` is a line without its line end, or several joined by '\n', of
  // which the first decides. With `pattern` an access line is what matches it,
  // with `error_pattern` an error line: known formats of that kind are not
  // tried.
  LogLine Parse(std::string_view message) const;

 private:
  using Pattern = std::unique_ptr<const re2::RE2>;  // Null: none.

  LogLine ParseText(std::string_view text, bool may_be_json) const;
  LogLine ParseJson(std::string_view text) const;
  LogLine ParseKnown(std::string_view line) const;
  std::optional<LogLine> MatchAccess(std::string_view text) const;
  std::optional<LogLine> MatchError(std::string_view line) const;

  const Pattern access_pattern_;
  const Pattern error_pattern_;
  const double unit_seconds_;
};

}  // namespace gunicorn_exporter
