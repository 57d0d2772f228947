// The lines of a YAML text, before and beside the parser. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gunicorn_exporter {

// Without the line feeds. Views into `text`.
std::vector<std::string_view> SplitLines(std::string_view text);

// What is wrong with the bytes of a line; empty: nothing. YAML 1.2, 5.1: UTF-8
// without control characters but tab and line ends.
std::string FindBadText(std::string_view line);

// The line, from 1, of a list's item, which is that of its dash. The parser
// marks (from 0) where the value begins, which may be lines below, for an empty
// item at the next token:
//
//     -
//       tags: []
//       ^
int FindItemLine(const std::vector<std::string_view>& lines, int mark_line,
                 int mark_column);

}  // namespace gunicorn_exporter
