// A YAML document as a tree of plain values, each with its line.
//
// Stricter than yaml-cpp's own tree: a duplicate key, a key that is no scalar,
// a second document, text that is not UTF-8, control characters and aliases
// that unfold to too much are errors. Aliases share their value, "<<" merges.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gunicorn_exporter {

struct YamlNode;
using YamlNodePtr = std::shared_ptr<const YamlNode>;

struct YamlEntry {
  std::string key;
  int line = 0;  // The key's, from 1.
  YamlNodePtr value;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;                    // From 1.
  std::string text;                // kScalar: without quotes.
  bool quoted = false;             // kScalar: text, whatever it looks like.
  std::vector<YamlNodePtr> items;  // kList.
  std::vector<YamlEntry> entries;  // kMap, in the file's order; keys differ.
  std::size_t size = 1;            // Nodes in it, with every alias written out.
};

constexpr std::size_t kMaxYamlBytes = 1 << 20;
constexpr std::size_t kMaxYamlNodes = 100'000;

// Never null; a kNull for an empty text. Throws ConfigError, "FILE:LINE: ...";
// `file` is for the messages.
YamlNodePtr ParseYaml(const std::string& text, const std::string& file);

// Text for a message: in double quotes, cut when it is long.
std::string Quoted(std::string_view text);

// Throws ConfigError, "FILE:LINE: PATH: problem" on one line: what the file
// brings in with line ends and control characters gets blanks for them. An
// empty path, the document itself, is written "yaml".
[[noreturn]] void FailConfig(const std::string& file, int line,
                             const std::string& path,
                             const std::string& problem);

}  // namespace gunicorn_exporter
