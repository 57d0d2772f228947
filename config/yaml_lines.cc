#include "config/yaml_lines.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

#include "config/base/utf8.h"

namespace gunicorn_exporter {
namespace {

// The line without its comment and the blanks at its end. Good enough to see a
// lonely dash: a "#" inside of quotes is cut, too.
std::string_view Code(std::string_view line) {
  line = line.substr(0, line.find('#'));
  return line.substr(0, line.find_last_not_of(" \t\r") + 1);
}

}  // namespace

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    lines.push_back(line);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return lines;
}

std::string FindBadText(std::string_view line) {
  if (!IsValidUtf8(line)) {
    return "bytes that are not UTF-8; expected UTF-8 text";
  }
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\r') || byte == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "0x%02x", byte);
      return std::string("the control character ") + code.data() +
             "; expected text";
    }
  }
  return "";
}

int FindItemLine(const std::vector<std::string_view>& lines, int mark_line,
                 int mark_column) {
  const auto line = static_cast<std::size_t>(std::max(mark_line, 0));
  const auto column = static_cast<std::size_t>(std::max(mark_column, 0));
  const int marked = static_cast<int>(line) + 1;
  if (line < lines.size() && lines[line].substr(0, column).find_first_not_of(
                                 " \t") != std::string_view::npos) {
    return marked;
  }
  for (std::size_t above = std::min(line, lines.size()); above > 0; --above) {
    const std::string_view code = Code(lines[above - 1]);
    if (code.ends_with('-')) return static_cast<int>(above);
    if (!code.empty()) break;
  }
  return marked;
}

}  // namespace gunicorn_exporter
