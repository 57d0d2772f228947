// What is checked of a YAML text beside its tree, and how its errors read. Each
// throws ConfigError, "FILE:LINE: PATH: problem"; `file` is for the messages.
#pragma once

#include <yaml-cpp/mark.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace gunicorn_exporter {

// From 1; yaml-cpp counts from 0, and has no mark for an empty text.
inline int LineOf(const YAML::Mark& mark) { return std::max(mark.line, 0) + 1; }

// One line of text: what the file brings in with line ends and control
// characters gets blanks for them. An empty path, the document itself, is
// written "yaml".
[[noreturn]] void FailConfig(const std::string& file, int line,
                             const std::string& path,
                             const std::string& problem);

// YAML 1.2, 5.1: UTF-8 without control characters but tab and line ends.
void CheckCharacters(const std::vector<std::string_view>& lines,
                     const std::string& file);

// YAML::Load reads the first document alone, and says nothing of a second one.
// Throws YAML::Exception, too.
void CheckIsOneDocument(const std::string& text, const std::string& file);

}  // namespace gunicorn_exporter
