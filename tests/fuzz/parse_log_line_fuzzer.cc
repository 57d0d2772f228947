// Any bytes as lines of a log, with the known formats, with patterns and with a
// unit: what comes of them is in its range, and no more messages than lines.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>
#include <vector>

#include "collectors/logs/log_parser.h"
#include "collectors/logs/message_assembler.h"

namespace gunicorn_exporter {
namespace {

void Check(const LogLine& line) {
  if (const auto* const access = std::get_if<AccessLine>(&line)) {
    if (access->status < 100 || access->status > 599) std::abort();
    const double seconds = access->duration_seconds.value_or(0);
    if (!std::isfinite(seconds) || seconds < 0) std::abort();
  }
}

LogSourceConfig WithPatterns() {
  LogSourceConfig source;
  source.pattern = "^\\S+ (?P<status>\\w+) (?P<milliseconds>\\S*)$";
  source.error_pattern = "^(?P<level>\\w+): (?P<message>.*)$";
  return source;
}

LogSourceConfig WithUnit() {
  LogSourceConfig source;
  source.duration_unit_seconds = 1e-3;
  return source;
}

LogSourceConfig WithRule() {
  LogSourceConfig source;
  source.multi_line = {{"", "\\["}};
  return source;
}

}  // namespace
}  // namespace gunicorn_exporter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace gunicorn_exporter;
  static const LogParser known{LogSourceConfig()};
  static const LogParser patterns{WithPatterns()};
  static const LogParser unit{WithUnit()};
  static const MessageRules rules{WithRule()};
  static const MessageRules no_rules{LogSourceConfig()};
  for (const MessageRules* const held : {&rules, &no_rules}) {
    MessageAssembler assembler(*held);
    std::size_t messages = 0;
    const MessageAssembler::Sink sink = [&](std::string_view message,
                                            Traceback& traceback) {
      ++messages;
      if (message.size() > kMaxMessageBytes + 1) std::abort();
      Check(known.Parse(message));
      Check(patterns.Parse(message));
      Check(unit.Parse(message));
      traceback.TakeLine(message);
    };
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::size_t lines = 0;
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      assembler.AddLine(line, lines++, {}, sink);
      text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    assembler.Flush(sink);
    if (messages > lines) std::abort();
  }
  return 0;
}
